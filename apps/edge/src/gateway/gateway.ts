import { z } from "@hono/zod-openapi";
import { AppError, type ErrorCode, type Rpc, type Scope, SessionId } from "@sandi/contracts";
import type { Actor } from "../actor.ts";
import type { Context } from "../context.ts";
import { ok } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import type { Limit } from "../rate-limits/limit.ts";
import { ask } from "../sessions/connector.ts";
import { findSession } from "../sessions/repository.ts";

/** A name in braces is a parameter: `id` is the session, any other name is a field of the request. */
type SessionPath = `/v1/sessions/{id}/${string}`;

interface Route<Request extends z.ZodObject> {
  /** The id of the operation. */
  id: string;
  method: "get" | "post" | "put" | "patch" | "delete";
  path: SessionPath;
  scope: Scope;
  summary: string;
  description: string;
  /** In addition to those of every request, if the call asks WhatsApp. */
  limits?: (actor: Actor) => Limit[];
  /** Describes the answer. */
  answer: string;
  /** An example of the body: the request's fields that the path does not name. A `get` has them in its query. */
  example?: Partial<z.input<Request>>;
}

/** The parts of a request. */
interface Given {
  params: { id: string };
  query?: object | undefined;
  body?: object | undefined;
}

/** Makes an operation of the public API from a call to a session's connector. */
export function gateway<Request extends z.ZodObject, Response extends z.ZodType, Code extends ErrorCode>(
  rpc: Rpc<Request, Response, Code>,
  { answer, example, method, ...route }: Route<Request>,
): Operation {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).filter((name) => name !== "id");
  const call = {
    ...route,
    live: true,
    isAudited: false,
    notFoundOf: { id: "session-not-found" as const },
    params: z.object({ id: SessionId, ...(rpc.request.pick(maskOf(names)).shape as object) }),
    answers: ok(rpc.response, answer),
    throws: ["session-not-found", "connector-unavailable", ...rpc.errors] as const,
    async handle(ctx: Context, { params: { id, ...fields }, query, body }: Given) {
      await requireSession(ctx, id);
      return ask(ctx.services, rpc, { sessionId: id, ...fields, ...query, ...body } as z.input<Request>);
    },
  };
  const schema: z.ZodObject = rpc.request.omit(maskOf(["sessionId", ...names]));
  const hasMore = Object.keys(schema.shape).length > 0;
  if ((hasMore && method !== "get") !== (example !== undefined)) {
    throw new Error(`${route.id}: a body needs an example, and a get has none`);
  }
  if (method === "get") return operation({ ...call, method, ...(hasMore && { query: schema.strip() }) });
  if (!example) return operation({ ...call, method, idempotent: "change" });
  return operation({ ...call, method, idempotent: "change", body: { schema, example } });
}

/** A mask for `pick` and `omit`. Zod throws for a name that the request does not have. */
const maskOf = (names: string[]): Record<string, true> => Object.fromEntries(names.map((name) => [name, true]));

/** Requires a session of the caller's workspace: the connector has the sessions of all workspaces. */
export async function requireSession({ services: { db, now }, actor }: Context, id: string): Promise<void> {
  const session = await findSession(db, actor.workspaceId, { id, at: now().getTime() });
  if (!session) throw new AppError("session-not-found");
}
