import { personIdOf } from "@sandi/contracts";
import { type Fence, writeFenced } from "../store/fence.ts";
import { markContent, markStatement } from "../store/marks.ts";
import { openBody, revokeStatement } from "../store/messages.ts";
import type { NewEvent } from "../store/outbox.ts";
import { notedStatement, receivedStatements } from "../store/received.ts";
import { sealContent, sealEvent } from "../store/sealed-events.ts";
import type { Applied, Changing, Effect, Target } from "./changing.ts";
import { type ChangeContext, type MessageBody, placeOf, timeOf } from "./context.ts";
import { edited } from "./edits.ts";
import { type ChangeContent, changeContent } from "./event-content.ts";
import { findReceivedOrSent } from "./received-or-sent.ts";
import { isOfSameChat } from "./same-chat.ts";
import { votedFor } from "./votes.ts";

/** Applies what somebody did with an earlier message. Nothing is known of messages that the store does not have. */
export async function applyChange(context: ChangeContext, fence: Fence, changing: Changing): Promise<void> {
  const { services, store, atRest, pseudonym } = context;
  const { sessionId } = fence;
  const target = await targetOf(context, sessionId, changing);
  if (!target) return;
  const now = services.now();
  const { author: actor, statements } = await placeOf(context, fence, changing);
  const id = services.newId("evt");
  const effect = await effectOf(context, { fence, changing, target, actor, eventId: id, now });
  if (!effect) return;
  const about = { id, sessionId, messageId: target.messageId, at: timeOf(changing.at, now).toISOString() };
  const { type } = effect;
  const noted = { waId: pseudonym(changing.waId), eventId: id, at: now };
  if (type === null) {
    await writeFenced(store, fence, [...statements, ...effect.statements, notedStatement(fence, noted)]);
    return;
  }
  const event: NewEvent =
    type === "message.revoked" ? { ...about, type } : { ...about, type, personId: actor && personIdOf(actor.id) };
  const body = await sealEvent(atRest(sessionId), event);
  const said = changeContent(target, actor, effect.change);
  const content = said && (await sealContent(atRest(sessionId), id, said));
  await writeFenced(store, fence, [
    ...statements,
    ...effect.statements,
    ...receivedStatements(fence, { ...noted, body, content }),
  ]);
  context.onAppended();
}

/** The message that is changed; null when it is unknown, or of another chat. */
async function targetOf(context: ChangeContext, sessionId: string, changing: Changing): Promise<Target | null> {
  const known = await findReceivedOrSent(context, sessionId, changing.change.target);
  if (!known) return null;
  const { messageId, row, sent } = known;
  const conversationId = row?.conversationId ?? sent?.conversationId ?? null;
  if (!(await isOfSameChat(context, changing, { sessionId, conversationId, sent }))) return null;
  return { messageId, row, sent, body: row && (await openBody<MessageBody>(context.atRest(sessionId), row)) };
}

// oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, as tsc knows
async function effectOf(context: ChangeContext, applied: Applied): Promise<Effect> {
  const { change } = applied.changing;
  switch (change.type) {
    case "reaction":
      return mark(context, applied, {
        kind: "reaction",
        value: { emoji: change.emoji },
        said: { emoji: change.emoji || null },
        at: change.at,
      });
    case "vote": {
      const options = await votedFor(context, applied, change);
      return options && mark(context, applied, { kind: "vote", value: { options }, said: { options }, at: change.at });
    }
    case "pin": {
      const { seconds, at } = change;
      const pinnedUntil = seconds === null ? null : timeOf(new Date(at), applied.now).getTime() + seconds * 1000;
      return mark(context, { ...applied, actor: null }, { kind: "pin", value: { pinnedUntil }, at });
    }
    case "revoke":
      return revoked(context, applied);
    case "edit":
    case "encryptedEdit":
      return edited(context, applied, change);
  }
}

const markEvents = { reaction: "message.reaction", vote: "poll.vote", pin: null } as const;

async function mark(
  { atRest, pseudonym }: ChangeContext,
  { fence, changing, actor, eventId, now }: Applied,
  { kind, value, said, at }: { kind: keyof typeof markEvents; value: object; said?: ChangeContent; at: number },
): Promise<Effect> {
  const { target } = changing.change;
  const sealed = await markContent.seal(atRest(fence.sessionId), JSON.stringify({ ...value, target }), eventId);
  const markedAt = at > 0 && at <= now.getTime() ? new Date(at) : now;
  const row = { waId: pseudonym(target), kind, person: actor?.id ?? "", sealed, eventId, markedAt };
  return { type: markEvents[kind], change: said, statements: [markStatement(fence, row, now)] };
}

/** Its author deletes a message for everyone, or an admin of the group. */
async function revoked(
  { deliveries }: ChangeContext,
  { fence, changing, target, actor, now }: Applied,
): Promise<Effect> {
  const { row, messageId } = target;
  const isAllowed = (row?.author ?? null) === (actor?.id ?? null) || (changing.group !== null && changing.isByAdmin);
  if (!isAllowed) return null;
  const statements = row ? [revokeStatement(fence, row.waId, now)] : [];
  if (row && row.origin !== "api") return { type: "message.revoked", statements };
  // It was sent through the API. Its own event says that it is deleted.
  await deliveries.revoked(fence, { messageId, waId: changing.change.target });
  return { type: null, statements };
}
