import { AppError, jobPaths, RevokeJob, SendJob, SessionJob } from "@sandi/contracts";
import { Hono } from "hono";
import { readBody, type HttpEnv } from "../http.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { JobOutcome } from "./outcome.ts";
import type { CheckSignature } from "./signature.ts";

interface Options {
  publicUrl: string;
  checkSignature: CheckSignature;
  send: (job: SendJob) => Promise<JobOutcome>;
  revoke: (job: RevokeJob) => Promise<JobOutcome>;
  supervisor: Supervisor;
  isDraining: () => boolean;
}

const maxBytes = 16 * 1024;

/** What QStash delivers. 2xx only when the outcome is stored; 503 asks for another delivery. */
export function jobRoutes({ publicUrl, checkSignature, send, revoke, supervisor, isDraining }: Options): Hono<HttpEnv> {
  async function signed(request: Request, path: string): Promise<string> {
    const body = await readBody(request, maxBytes);
    const signature = request.headers.get("upstash-signature") ?? "";
    if (!checkSignature(signature, publicUrl + path, body)) {
      throw new AppError("service-token-invalid", { detail: "The QStash signature is not valid." });
    }
    if (isDraining()) throw unavailable("The connector is shutting down.", 2);
    return body;
  }

  return new Hono<HttpEnv>()
    .post(jobPaths.send, async (c) => {
      const job = parse(SendJob, await signed(c.req.raw, jobPaths.send));
      return c.json(finished(await send(job)));
    })
    .post(jobPaths.revoke, async (c) => {
      const job = parse(RevokeJob, await signed(c.req.raw, jobPaths.revoke));
      return c.json(finished(await revoke(job)));
    })
    .post(jobPaths.session, async (c) => {
      const job = parse(SessionJob, await signed(c.req.raw, jobPaths.session));
      if ((await supervisor.wish(job)) === "elsewhere") throw unavailable("Another connector owns the session.", 2);
      return c.json({ status: "done" });
    });
}

function finished(outcome: JobOutcome): { status: "done" } {
  if (outcome.status === "later") throw unavailable(`Not yet: ${outcome.why}.`, outcome.retryAfterSeconds);
  return outcome;
}

function parse<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  body: string,
): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new AppError("invalid-json");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new AppError("invalid-request", { detail: "The job has another shape." });
  return parsed.data;
}

function unavailable(detail: string, retryAfter: number): AppError {
  return new AppError("connector-unavailable", { detail, retryAfter });
}
