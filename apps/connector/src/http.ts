import { AppError, errors, type Problem } from "@sandi/contracts";
import { Hono } from "hono";
import type { Logger } from "pino";
import type { Meter } from "./metrics.ts";
import type { Services } from "./services.ts";
import { storeFailure } from "./store/failures.ts";

export interface HttpEnv {
  Variables: { requestId: string };
}

interface Options {
  services: Pick<Services, "newId">;
  /** Has a page for each kind of problem. */
  edgeUrl: string;
  logger: Logger;
  routes: Hono<HttpEnv>[];
  /** What keeps the connector from working; empty when it is ready. */
  problems: () => Promise<string[]>;
}

const refusals = {
  full: { detail: "The connector's database has no room.", retryAfter: 10 },
  unreachable: { detail: "The connector's database does not answer.", retryAfter: 2 },
};

/** The connector's HTTP API, which the internet may reach: jobs, rpc and health. */
export function createApp({ services, edgeUrl, logger, routes, problems }: Options): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  const problem = (error: AppError, requestId: string) => toResponse(error, requestId, edgeUrl);
  app.use(async (c, next) => {
    c.set("requestId", services.newId("req"));
    await next();
    // The answer of a connector that the request was forwarded to has its own id.
    if (!c.res.headers.has("x-request-id")) c.header("x-request-id", c.var.requestId);
    c.header("cache-control", "no-store");
    c.header("x-content-type-options", "nosniff");
  });
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", async (c) => {
    const wrong = await problems();
    return c.json(
      { status: wrong.length === 0 ? "ready" : "not ready", problems: wrong },
      wrong.length === 0 ? 200 : 503,
    );
  });
  for (const route of routes) app.route("/", route);
  app.notFound((c) => problem(new AppError("not-found"), c.var.requestId));
  app.onError((error, c) => {
    if (error instanceof AppError) return problem(error, c.var.requestId);
    const failure = storeFailure(error);
    if (failure) {
      logger.warn(
        { requestId: c.var.requestId, path: c.req.path, failure },
        "a request failed because of the database",
      );
      return problem(new AppError("database-unavailable", refusals[failure]), c.var.requestId);
    }
    logger.error({ requestId: c.var.requestId, path: c.req.path, error }, "a request failed");
    return problem(new AppError("internal-error"), c.var.requestId);
  });
  return app;
}

/** `/metrics`, for a port that the internet does not reach. */
export function createMetricsApp(registry: Meter["registry"]): Hono {
  return new Hono().get("/metrics", async (c) =>
    c.body(await registry.metrics(), 200, { "content-type": registry.contentType }),
  );
}

/** The raw body as text. Rejects a body that is too long. */
export async function readBody(request: Request, maxBytes: number): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw new AppError("payload-too-large");
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of request.body ?? []) {
      length += chunk.length;
      if (length > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    // The caller hung up: it does not see this answer, and nothing of ours failed.
    throw new AppError("invalid-request", { detail: "The body is incomplete.", cause });
  }
  if (length > maxBytes) throw new AppError("payload-too-large");
  return Buffer.concat(chunks).toString("utf8");
}

function toResponse({ code, message, extras }: AppError, requestId: string, edgeUrl: string): Response {
  const { status, title } = errors[code];
  const body: Problem = {
    type: `${edgeUrl}/problems/${code}`,
    title,
    status,
    ...(message === title ? {} : { detail: message }),
    code,
    requestId,
    ...(extras.retryAfter === undefined ? {} : { retryAfter: extras.retryAfter }),
    ...(extras.whatsappCode === undefined ? {} : { whatsappCode: extras.whatsappCode }),
  };
  return Response.json(body, {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(extras.retryAfter === undefined ? {} : { "retry-after": String(extras.retryAfter) }),
    },
  });
}
