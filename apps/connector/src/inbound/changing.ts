import type { ReceivedMessage } from "../baileys/receive-messages.ts";
import type { Change } from "../content/changes.ts";
import { decode } from "../content/wire.ts";
import type { Conversation } from "../store/conversations.ts";
import type { Fence, writeFenced } from "../store/fence.ts";
import type { ChangeContext, MessageBody } from "./context.ts";
import type { ChangeContent } from "./event-content.ts";
import type { ReceivedOrSent } from "./received-or-sent.ts";

/** A change of a message, and who made it. */
export type Changing = Omit<ReceivedMessage, "said"> & { change: Change };

/** The message that is changed. */
export interface Target extends ReceivedOrSent {
  body: MessageBody | null;
}

/** What a change does: its statements and its event, if it has one. Null: nothing. */
export type Effect = {
  type: "message.edited" | "message.reaction" | "message.revoked" | "poll.vote" | null;
  /** What the event adds; absent: nothing. */
  change?: ChangeContent | undefined;
  statements: Parameters<typeof writeFenced>[2];
} | null;

/** A change that is being applied. */
export interface Applied {
  fence: Fence;
  changing: Changing;
  target: Target;
  /** Null: the account itself. */
  actor: Conversation | null;
  eventId: string;
  now: Date;
}

/** The jids that name the chat: of the group, or of the other person. */
export const chatNames = ({ group, names }: Changing) => (group === null ? names : [group]);

/** The jids of who makes the change. */
export const actorNames = ({ own, names, origin }: Changing, actor: Conversation | null): string[] =>
  origin === null ? [...new Set([...names, ...jidsOf(actor)])] : own;

export const jidsOf = (person: Conversation | null | undefined) =>
  [person?.names.lid, person?.names.pn].filter((jid) => typeof jid === "string");

/** Names a message that was sent through the API. */
export interface Sent {
  sessionId: string;
  waId: string;
  /** The jids that name its chat. */
  person: string[];
}

/** A message that was sent through the API; null when it is not kept. */
export async function sentMessage({ deliveries }: ChangeContext, { sessionId, waId, person }: Sent) {
  const bytes = await deliveries.message(sessionId, waId, person);
  return bytes && decode(bytes);
}
