import { AppError, type ForwardMessage, type Message, MessageType } from "@sandi/contracts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { replayBeforeMedia } from "../messages/attach-media.ts";
import { toMessage } from "../messages/present.ts";
import type { Recipient } from "../messages/recipient.ts";
import { findMessage } from "../messages/repository.ts";
import { sendMessage } from "../messages/send-message.ts";
import { isReached } from "./act.ts";

interface Input {
  /** The message that is forwarded. */
  id: string;
  body: ForwardMessage;
  /** The body's recipient. */
  recipient: Recipient;
  idempotencyKey: IdempotencyKey | undefined;
}

/** Sends a message once more, to somebody else. Its session has the content, so no other one sends it. */
export async function forwardMessage(
  ctx: Context,
  { id, body, recipient, idempotencyKey }: Input,
): Promise<Accepted<Message>> {
  const { services, actor } = ctx;
  const { db } = services;
  // A message that is forwarded to the own phone can be read there.
  if (!actor.scopes.has("message:read")) {
    throw new AppError("insufficient-scope", { detail: "The key needs the scope message:read, too." });
  }
  const tenant = tenantOf(actor);
  const at = services.now().getTime();
  const read = async (messageId: string) => {
    const row = await findMessage(db, tenant, messageId, at);
    if (!row) throw new AppError("message-not-found");
    return toMessage(row, { now: at, scopes: actor.scopes });
  };
  const original = await read(id);
  const refusal = refusalOf(original, body);
  if (refusal) {
    // Since an earlier request with the same key, the message may have been deleted.
    const replayed = await replayBeforeMedia(services, tenant.workspaceId, { idempotencyKey, at, render: read });
    if (replayed) return replayed;
    throw refusal;
  }
  const { sessionId = original.sessionId ?? undefined, ...about } = body;
  return sendMessage(ctx, {
    body: { ...about, sessionId, type: "forward", original: { id, type: MessageType.parse(original.type) } },
    recipient,
    idempotencyKey,
  });
}

const refuse = (detail: string) => new AppError("message-not-forwardable", { detail });

function refusalOf(message: Message, { sessionId }: ForwardMessage): AppError | undefined {
  const { status, deletedAt, isViewOnce, type } = message;
  if (!isReached(status)) return refuse(`The message is ${status}.`);
  if (deletedAt !== null) return refuse("The account deleted it for itself.");
  if (isViewOnce) return refuse("Phones show it once.");
  if (!MessageType.safeParse(type).success) return refuse(`A message of the type ${type} cannot be forwarded.`);
  // The sandbox needs no session.
  if (sessionId === undefined || message.sessionId === null || sessionId === message.sessionId) return undefined;
  return new AppError("invalid-request", {
    errors: [{ pointer: "/sessionId", message: "is not the session of this message" }],
  });
}
