import type { InStatement } from "@libsql/client";
import type { ReceivedMessage } from "../baileys/receive-messages.ts";
import { type Change, editedIn } from "../content/changes.ts";
import { fromProto } from "../content/content.ts";
import { openEdit, openVote } from "../content/secrets.ts";
import { decode, encode, type WireMessage } from "../content/wire.ts";
import { captionOf, withEdit } from "../content/write-changes.ts";
import { type Conversation, personIdOf } from "../store/conversations.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import { editSentStatement, findByWaId, ledgerMessage } from "../store/ledger.ts";
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
import { notedStatement, receivedStatements } from "../store/received.ts";
import { sealEvent } from "../store/sealed-events.ts";
import { type ChangeContext, type MessageBody, placeOf, timeOf } from "./context.ts";
import { contentTokens } from "./message-words.ts";

/** A change of a message, and who made it. */
export type Changing = Omit<ReceivedMessage, "said"> & { change: Change };

/** The message that is changed: a received one, or one that was sent through the API. */
interface Target {
  messageId: string;
  row: MessageRow | null;
  body: MessageBody | null;
}

/** What a change does: its statements and its event, if it has one. Null: nothing. */
type Effect = {
  type: "message.edited" | "message.reaction" | "message.revoked" | "poll.vote" | null;
  statements: Parameters<typeof writeFenced>[2];
} | null;

/** Applies what somebody did with an earlier message. Nothing is known of messages that the store does not have. */
export async function applyChange(context: ChangeContext, fence: Fence, changing: Changing): Promise<void> {
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
  const noted = { waId: pseudonym(changing.waId), eventId: id, at: now };
  if (type === null) {
    await writeFenced(store, fence, [...statements, ...effect.statements, notedStatement(fence, noted)]);
    return;
  }
  const event: NewEvent =
    type === "message.revoked" ? { ...about, type } : { ...about, type, personId: actor && personIdOf(actor.id) };
  const body = await sealEvent(atRest(sessionId), event);
  await writeFenced(store, fence, [
    ...statements,
    ...effect.statements,
    ...receivedStatements(fence, { ...noted, body }),
  ]);
  context.onAppended();
}

async function targetOf(
  { store, atRest, pseudonym }: ChangeContext,
  sessionId: string,
  waId: string,
): Promise<Target | null> {
  const row = await findMessage(store, sessionId, pseudonym(waId));
  if (row) return { messageId: row.id, row, body: await openMessage<MessageBody>(atRest(sessionId), row) };
  const sent = await findByWaId(store, sessionId, waId);
  return sent && { messageId: sent.messageId, row: null, body: null };
}

/** The jids that name the chat: of the group, or of the other person. */
const chatNames = ({ group, names }: Changing) => (group === null ? names : [group]);

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
async function effectOf(context: ChangeContext, applied: Applied): Promise<Effect> {
  const { change } = applied.changing;
  switch (change.type) {
    case "reaction":
      return mark(context, applied, { kind: "reaction", value: { emoji: change.emoji }, at: change.at });
    case "vote": {
      const options = await votedFor(context, applied, change);
      return options && mark(context, applied, { kind: "vote", value: { options }, at: change.at });
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
  { kind, value, at }: { kind: keyof typeof markEvents; value: object; at: number },
): Promise<Effect> {
  const { target } = changing.change;
  const sealed = await markContent.seal(atRest(fence.sessionId), JSON.stringify({ ...value, target }), eventId);
  const markedAt = at > 0 && at <= now.getTime() ? new Date(at) : now;
  const row = { waId: pseudonym(target), kind, person: actor?.id ?? "", sealed, eventId, markedAt };
  return { type: markEvents[kind], statements: [markStatement(fence, row, now)] };
}

/** The names that somebody voted for. The poll may be somebody else's, or one that was sent through the API. */
async function votedFor(
  context: ChangeContext,
  { fence: { sessionId }, changing, target, actor }: Applied,
  { target: waId, encrypted }: Extract<Change, { type: "vote" }>,
): Promise<string[] | null> {
  const poll = target.row
    ? pollIn(target.body)
    : await sentPoll(context, { sessionId, waId, person: chatNames(changing) });
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

interface Sent {
  sessionId: string;
  waId: string;
  /** The jids that name its chat. */
  person: string[];
}

/** A message that was sent through the API; null when it is not kept. */
async function sentMessage({ deliveries }: ChangeContext, { sessionId, waId, person }: Sent) {
  const bytes = await deliveries.message(sessionId, waId, person);
  return bytes && decode(bytes);
}

async function sentPoll(context: ChangeContext, poll: Sent): Promise<Poll | null> {
  const sent = await sentMessage(context, poll);
  const content = sent && fromProto(sent)?.content;
  const secret = sent?.messageContextInfo?.messageSecret;
  return content?.type === "poll" && secret ? { secret, options: content.options } : null;
}

/** Only its author edits a message. */
async function edited(
  context: ChangeContext,
  { fence, changing, target, actor, now }: Applied,
  change: Extract<Change, { type: "edit" | "encryptedEdit" }>,
): Promise<Effect> {
  const { row, body } = target;
  const { sessionId } = fence;
  if ((row?.author ?? null) !== (actor?.id ?? null) || (row && row.revokedAt !== null)) return null;
  const isOfApi = row === null || row.origin === "api";
  const person = chatNames(changing);
  const sent = isOfApi ? await sentMessage(context, { sessionId, waId: change.target, person }) : null;
  const secret = secretOf(body) ?? sent?.messageContextInfo?.messageSecret;
  const message = editIn(change, secret, actorNames(changing, actor));
  if (!message) return null;
  const atRest = context.atRest(sessionId);
  const editedAt = timeOf(changing.at, now);
  const statements: InStatement[] = [];
  if (sent) {
    const sealed = await atRest.seal(encode(withEdit(sent, message)), ledgerMessage.context(change.target));
    statements.push(editSentStatement(fence, { waId: change.target, sealed, editedAt }));
  }
  const content = editedContentOf(body, message);
  if (row && content) {
    const sealed = body && (await messageContent.seal(atRest, JSON.stringify({ ...body, content }), row.id));
    const words = contentTokens(context.pseudonym, sessionId, content);
    statements.push(editStatement(fence, { waId: row.waId, sealed, words, editedAt }));
  }
  return statements.length === 0 ? null : { type: "message.edited", statements };
}

const secretOf = (body: MessageBody | null) => (body?.secret ? Buffer.from(body.secret, "base64") : null);

/** The message inside an edit; null when it cannot be opened. */
function editIn(
  change: Extract<Change, { type: "edit" | "encryptedEdit" }>,
  secret: Uint8Array | null | undefined,
  names: string[],
): WireMessage | null {
  if (change.type === "edit") return change.message;
  if (!secret?.length) return null;
  const opened = openEdit({ waId: change.target, secret, author: names, actor: names }, change.encrypted);
  return opened && editedIn(opened);
}

const captioned: ReadonlySet<MessageBody["content"]["type"]> = new Set(["image", "video", "document"]);

/** The content after an edit; null if the edit says nothing. Of a message with a file it changes the caption only. */
function editedContentOf(body: MessageBody | null, message: WireMessage): MessageBody["content"] | null {
  const content = fromProto(message)?.content ?? null;
  if (!body || !("media" in body.content)) return content;
  const caption = captionOf(message) ?? (content?.type === "text" ? content.text : null);
  if (caption === null || !captioned.has(body.content.type)) return null;
  return { ...body.content, caption } as MessageBody["content"];
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

const actorNames = ({ own, names, origin }: Changing, actor: Conversation | null): string[] =>
  origin === null ? [...new Set([...names, ...jidsOf(actor)])] : own;

const jidsOf = (person: Conversation | null | undefined) =>
  [person?.names.lid, person?.names.pn].filter((jid) => typeof jid === "string");

async function namesOf({ conversations }: ChangeContext, sessionId: string, author: string | null, own: string[]) {
  if (author === null) return own;
  return jidsOf((await conversations.find(sessionId, [author])).get(author));
}
