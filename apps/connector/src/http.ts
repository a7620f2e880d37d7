import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { AppError, errors, isRetryable, type Problem } from "@sandi/contracts";
import type { Logger } from "pino";
import type { Meter } from "./metrics.ts";
import { readBody } from "./read-body.ts";
import type { Services } from "./services.ts";
import { storeFailure } from "./store/failures.ts";

/** A POST route. */
export interface Route {
  path: string;
  maxBytes: number;
  /** The header that proves who calls. Throws without one, before the body is read. */
  proof: (headers: IncomingHttpHeaders) => string;
  answer: (incoming: Incoming) => Promise<Answer>;
}

/** A request whose body is read. Its proof is not verified yet. */
export interface Incoming {
  path: string;
  headers: IncomingHttpHeaders;
  proof: string;
  body: string;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface Options {
  services: Pick<Services, "newId">;
  /** Has a page for each kind of problem. */
  edgeUrl: string;
  logger: Logger;
  routes: Route[];
  /** What keeps the connector from working; empty when it is ready. */
  problems: () => Promise<string[]>;
}

const refusals = {
  full: { detail: "The connector's database has no room.", retryAfter: 10 },
  unreachable: { detail: "The connector's database does not answer.", retryAfter: 2 },
};
/** A caller that still sends its body this long after the answer is cut off. */
const lingerMs = 500;

/** The connector's HTTP API, which the internet may reach: jobs, rpc and health. */
export function createApp({ services, edgeUrl, logger, routes, problems }: Options): RequestListener {
  const byPath = new Map(routes.map((route) => [route.path, route]));

  async function answerTo(request: IncomingMessage, path: string): Promise<Answer> {
    if (isRead(request) && path === "/healthz") return json(200, { status: "ok" });
    if (isRead(request) && path === "/readyz") {
      const wrong = await problems();
      const isReady = wrong.length === 0;
      return json(isReady ? 200 : 503, { status: isReady ? "ready" : "not ready", problems: wrong });
    }
    const route = request.method === "POST" ? byPath.get(path) : undefined;
    if (!route) throw new AppError("not-found");
    const { headers } = request;
    const proof = route.proof(headers);
    return route.answer({ path, headers, proof, body: await readBody(request, route.maxBytes) });
  }

  function refusalOf(error: unknown, requestId: string, path: string): AppError {
    if (error instanceof AppError) return error;
    const failure = storeFailure(error);
    if (failure) {
      logger.warn({ requestId, path, failure }, "a request failed because of the database");
      return new AppError("database-unavailable", refusals[failure]);
    }
    logger.error({ requestId, path, error }, "a request failed");
    return new AppError("internal-error");
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = services.newId("req");
    const path = pathOf(request);
    const { status, headers, body } = await answerTo(request, path).catch((error: unknown) =>
      toAnswer(refusalOf(error, requestId, path), requestId, edgeUrl),
    );
    // The answer of a connector that the request was forwarded to has its own id.
    const all = { "x-request-id": requestId, ...headers };
    write(response, {
      status,
      headers: { ...all, "cache-control": "no-store", "x-content-type-options": "nosniff" },
      body,
    });
    if (!request.complete) setTimeout(() => request.complete || request.destroy(), lingerMs).unref();
  }

  return (request, response) => void respond(request, response);
}

/** `/metrics`, for a port that the internet does not reach. */
export function createMetricsApp(registry: Meter["registry"]): RequestListener {
  return (request, response) => {
    if (!isRead(request) || pathOf(request) !== "/metrics") {
      write(response, { status: 404, headers: { "content-type": "text/plain" }, body: "404 Not Found" });
      return;
    }
    registry.metrics().then(
      (body) => write(response, { status: 200, headers: { "content-type": registry.contentType }, body }),
      () => write(response, { status: 500, headers: {}, body: "" }),
    );
  };
}

export function json(status: number, value: unknown): Answer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

const isRead = ({ method }: IncomingMessage) => method === "GET" || method === "HEAD";

const pathOf = ({ url = "" }: IncomingMessage) => url.split("?", 1)[0]!;

function write(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
}

function toAnswer({ code, message, extras }: AppError, requestId: string, edgeUrl: string): Answer {
  const { status, title } = errors[code];
  const body: Problem = {
    type: `${edgeUrl}/problems/${code}`,
    title,
    status,
    ...(message === title ? {} : { detail: message }),
    code,
    retryable: isRetryable(code),
    requestId,
    ...(extras.retryAfter === undefined ? {} : { retryAfter: extras.retryAfter }),
    ...(extras.whatsappCode === undefined ? {} : { whatsappCode: extras.whatsappCode }),
  };
  return {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(extras.retryAfter === undefined ? {} : { "retry-after": String(extras.retryAfter) }),
    },
    body: JSON.stringify(body),
  };
}
