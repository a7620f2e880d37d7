import { AppError, type ErrorCode, type Message, type MessageStatus, type Rpc } from "@sandi/contracts";
import { base64url, hmac, utf8 } from "@sandi/crypto";
import type { Context as HonoContext } from "hono";
import type { z } from "zod";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { AppEnv } from "../http/app-env.ts";
import { readIdempotencyKey } from "../http/idempotency/create.ts";
import { type MessageRow, toMessage } from "../messages/present.ts";
import { selectMessage } from "../messages/repository.ts";
import { ask } from "../sessions/connector.ts";
import { commitAs } from "../writes/commit-as.ts";
import { asIfOff, isHidden, storeAsIfOff } from "./as-if-off.ts";

/** What every call of an action names. */
interface About {
  sessionId: string;
  messageId: string;
  actionId: string;
}

type Input<Request extends z.ZodObject> = Omit<z.input<Request>, keyof About>;

interface Action<Request extends z.ZodObject, Response extends z.ZodType, Code extends ErrorCode> {
  id: string;
  rpc: Rpc<Request, Response, Code>;
  /** What the call needs beside the message. */
  input: Input<Request> | ((message: Message) => Input<Request>);
  /** Throws when the edge knows already that the message does not allow this. */
  check?: (row: MessageRow, at: number) => void;
  /** The message is as the action makes it already, so nothing is asked. */
  isDone?: (message: Message) => boolean;
  /** What the action makes of the message, before the connector's event has come. */
  effect?: (message: Message, at: string) => Partial<Message>;
}

/** Errors that every action on a message may answer. */
export const refusalsOfActions = ["message-not-actionable", "connector-unavailable"] as const;

/** Whether the message is at WhatsApp, and not deleted for everyone. */
export const isReached = (status: MessageStatus) => reached.has(status);

const reached: ReadonlySet<MessageStatus> = new Set(["sent", "delivered", "read", "played", "received"]);
const unsent: ReadonlySet<MessageStatus> = new Set(["scheduled", "queued"]);

/** Lets the account do something with a message of its session, through its connector. Answers the message. */
export async function act<
  Request extends z.ZodObject,
  Response extends z.ZodType<{ at: string }>,
  Code extends ErrorCode,
>(
  ctx: Context,
  c: HonoContext<AppEnv>,
  { id, rpc, input, isDone, check, effect }: Action<Request, Response, Code>,
): Promise<Message> {
  const { services, actor } = ctx;
  const now = services.now().getTime();
  // A key that was revoked a moment ago may do nothing: the batch compares it with its row.
  const {
    found: [row],
  } = await commitAs(ctx, { writes: [], reads: { found: selectMessage(services.db, tenantOf(actor), id) } });
  if (!row) throw new AppError("message-not-found");
  const message = toMessage(row, { now, scopes: actor.scopes });
  if (isDone?.(message)) return message;
  requireReached(message);
  check?.(row, now);
  const about: About = { sessionId: row.sessionId, messageId: id, actionId: await actionIdOf(ctx, c) };
  const more = typeof input === "function" ? input(message) : input;
  const hidden = isHidden(row, actor);
  const { at } = await ask(services, rpc, { ...about, ...more } as z.input<Request>)
    .catch((error: unknown) => (hidden ? asIfOff(error, now) : Promise.reject(error as Error)))
    .catch(whileOffline);
  if (hidden) await storeAsIfOff(ctx, { row, path: rpc.path, at });
  return { ...message, ...effect?.(message, at) };
}

/** That a session is offline passes. The refusal is not stored for repetitions, which may have to find out what happened. */
function whileOffline(error: unknown): never {
  const isOffline = error instanceof AppError && error.code === "session-not-online";
  throw isOffline ? new AppError(error.code, { retryAfter: 5, ...error.extras }) : error;
}

/** Throws unless the message was sent or received, and still exists. */
function requireReached({ status, deletedAt }: Pick<Message, "status" | "deletedAt">): void {
  if (deletedAt !== null)
    throw new AppError("message-not-actionable", { detail: "The account deleted it for itself." });
  if (isReached(status)) return;
  const instead = unsent.has(status) ? " Use `POST /v1/messages/{id}/cancel` to end it." : "";
  throw new AppError("message-not-actionable", { detail: `The message is ${status}.${instead}` });
}

/** Names the action. A repetition under the same `Idempotency-Key` is the same action. */
async function actionIdOf({ services, actor }: Context, c: HonoContext<AppEnv>): Promise<string> {
  const key = await readIdempotencyKey(c);
  if (!key) return base64url(services.random(16));
  const { keyHash, fingerprint } = key;
  const text = ["action.v1", actor.workspaceId, keyHash, fingerprint].join("\0");
  return hmac(services.phoneKey.current.bytes, utf8(text));
}
