import type { ReceivedMessage } from "../baileys/receive-messages.ts";
import { type Change, editedIn } from "../content/changes.ts";
import { fromProto } from "../content/content.ts";
import { openEdit, openVote } from "../content/secrets.ts";
import { decode } from "../content/wire.ts";
import { type Conversation, personIdOf } from "../store/conversations.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import { findByWaId } from "../store/ledger.ts";
import { markContent, markStatement } from "../store/marks.ts";
import {
  editStatement,
  findMessage,
  messageContent,
  type MessageRow,
  openMessage,
  revokeStatement,
} from "../store/messages.ts";
import type { NewEvent } from "../store/outbox.ts";
import { receivedStatements } from "../store/received.ts";
import { sealEvent } from "../store/sealed-events.ts";
import { type InboundContext, type MessageBody, placeOf, timeOf } from "./context.ts";
import { contentTokens } from "./message-words.ts";

type Changing = Omit<ReceivedMessage, "said"> & { change: Change };

/** The message that is changed: a received one, or one that was sent through the API. */
interface Target {
  messageId: string;
  row: MessageRow | null;
  body: MessageBody | null;
}

/** What a change does: its statements and its event. Null: nothing. */
type Effect = {
  type: "message.edited" | "message.reaction" | "message.revoked" | "poll.vote";
  statements: Parameters<typeof writeFenced>[2];
} | null;

/** Applies what somebody did with an earlier message. Nothing is known of messages that the store does not have. */
export async function applyChange(context: InboundContext, fence: Fence, changing: Changing): Promise<void> {
  const { services, store, atRest, pseudonym } = context;
  const { sessionId } = fence;
  const target = await targetOf(context, sessionId, changing.change.target);
  if (!target) return;
  const now = services.now();
  const { author: actor, statements } = await placeOf(context, fence, changing);
  const id = services.newId("evt");
  const effect = await effectOf(context, { fence, changing, target, actor, eventId: id, now });
  if (!effect) return;
  const about = { id, sessionId, messageId: target.messageId, at: timeOf(changing.at, now).toISOString() };
  const { type } = effect;
  const event: NewEvent =
    type === "message.revoked" ? { ...about, type } : { ...about, type, personId: actor && personIdOf(actor.id) };
  const body = await sealEvent(atRest(sessionId), event);
  await writeFenced(store, fence, [
    ...statements,
    ...effect.statements,
    ...receivedStatements(fence, { waId: pseudonym(changing.waId), eventId: id, body, at: now }),
  ]);
  context.onAppended();
}

async function targetOf(
  { store, atRest, pseudonym }: InboundContext,
  sessionId: string,
  waId: string,
): Promise<Target | null> {
  const row = await findMessage(store, sessionId, pseudonym(waId));
  if (row) return { messageId: row.id, row, body: await openMessage<MessageBody>(atRest(sessionId), row) };
  const sent = await findByWaId(store, sessionId, waId);
  return sent && { messageId: sent.messageId, row: null, body: null };
}

interface Applied {
  fence: Fence;
  changing: Changing;
  target: Target;
  /** Null: the account itself. */
  actor: Conversation | null;
  eventId: string;
  now: Date;
}

// oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, as tsc knows
async function effectOf(context: InboundContext, applied: Applied): Promise<Effect> {
  const { change } = applied.changing;
  switch (change.type) {
    case "reaction":
      return mark(context, applied, { kind: "reaction", value: { emoji: change.emoji }, at: change.at });
    case "vote": {
      const options = await votedFor(context, applied, change);
      return options && mark(context, applied, { kind: "vote", value: { options }, at: change.at });
    }
    case "revoke":
      return revoked(context, applied);
    case "edit":
    case "encryptedEdit":
      return edited(context, applied, change);
  }
}

async function mark(
  { atRest, pseudonym }: InboundContext,
  { fence, changing, actor, eventId, now }: Applied,
  { kind, value, at }: { kind: "reaction" | "vote"; value: object; at: number },
): Promise<Effect> {
  const { target } = changing.change;
  const sealed = await markContent.seal(atRest(fence.sessionId), JSON.stringify({ ...value, target }), eventId);
  const markedAt = at > 0 && at <= now.getTime() ? new Date(at) : now;
  const row = { waId: pseudonym(target), kind, person: actor?.id ?? "", sealed, eventId, markedAt };
  const type = kind === "vote" ? "poll.vote" : "message.reaction";
  return { type, statements: [markStatement(fence, row, now)] };
}

/** The names that somebody voted for. The poll may be somebody else's, or one that was sent through the API. */
async function votedFor(
  context: InboundContext,
  { fence: { sessionId }, changing, target, actor }: Applied,
  { target: waId, encrypted }: Extract<Change, { type: "vote" }>,
): Promise<string[] | null> {
  const poll = target.row ? pollIn(target.body) : await sentPoll(context, { sessionId, waId, person: changing.names });
  if (!poll) return null;
  const author = await namesOf(context, sessionId, target.row?.author ?? null, changing.own);
  return openVote({ waId, secret: poll.secret, author, actor: actorNames(changing, actor) }, encrypted, poll.options);
}

interface Poll {
  secret: Uint8Array;
  options: string[];
}

function pollIn(body: MessageBody | null): Poll | null {
  if (body?.content.type !== "poll" || body.secret === null) return null;
  return { secret: Buffer.from(body.secret, "base64"), options: body.content.options };
}

async function sentPoll(
  { deliveries }: InboundContext,
  { sessionId, waId, person }: { sessionId: string; waId: string; person: string[] },
): Promise<Poll | null> {
  const bytes = await deliveries.message(sessionId, waId, person);
  const sent = bytes && decode(bytes);
  const content = sent && fromProto(sent)?.content;
  const secret = sent?.messageContextInfo?.messageSecret;
  return content?.type === "poll" && secret ? { secret, options: content.options } : null;
}

/** Only its author edits a message. */
async function edited(
  context: InboundContext,
  { fence, changing, target, actor, now }: Applied,
  change: Extract<Change, { type: "edit" | "encryptedEdit" }>,
): Promise<Effect> {
  const { row, body } = target;
  if (!row || row.author !== (actor?.id ?? null) || row.revokedAt !== null) return null;
  let message = change.type === "edit" ? change.message : null;
  if (change.type === "encryptedEdit") {
    if (!body || body.secret === null) return null;
    const secret = Buffer.from(body.secret, "base64");
    const names = actorNames(changing, actor);
    const opened = openEdit({ waId: change.target, secret, author: names, actor: names }, change.encrypted);
    message = opened && editedIn(opened);
  }
  const content = message && fromProto(message)?.content;
  if (!content) return null;
  const atRest = context.atRest(fence.sessionId);
  const sealed = body && (await messageContent.seal(atRest, JSON.stringify({ ...body, content }), row.id));
  const words = contentTokens(context.pseudonym, fence.sessionId, content);
  const edit = { waId: row.waId, sealed, words, editedAt: timeOf(changing.at, now) };
  return { type: "message.edited", statements: [editStatement(fence, edit)] };
}

/** Its author deletes a message for everyone, or an admin of the group. */
async function revoked(
  { deliveries, store }: InboundContext,
  { fence, changing, target, actor, now }: Applied,
): Promise<Effect> {
  const { row, messageId } = target;
  const isAllowed = (row?.author ?? null) === (actor?.id ?? null) || (changing.group !== null && changing.isByAdmin);
  if (!isAllowed) return null;
  const statements = row ? [revokeStatement(fence, row.waId, now)] : [];
  if (row && row.origin !== "api") return { type: "message.revoked", statements };
  // It was sent through the API: its delivery reports the deletion.
  await writeFenced(store, fence, statements);
  await deliveries.revoked(fence, { messageId, waId: changing.change.target });
  return null;
}

const actorNames = ({ own, names, origin }: Changing, actor: Conversation | null): string[] =>
  origin === null ? [...new Set([...names, ...jidsOf(actor)])] : own;

const jidsOf = (person: Conversation | null | undefined) =>
  [person?.names.lid, person?.names.pn].filter((jid) => typeof jid === "string");

async function namesOf({ conversations }: InboundContext, sessionId: string, author: string | null, own: string[]) {
  if (author === null) return own;
  return jidsOf((await conversations.find(sessionId, [author])).get(author));
}
