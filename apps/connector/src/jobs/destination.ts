import { chatIdOf, type FailureReason } from "@sandi/contracts";
import { Refused } from "../baileys/answered.ts";
import type { SendingGroup } from "../baileys/group-sends.ts";
import { isGroup, isLid, namesIn, storyJid } from "../content/jids.ts";
import type { KnownNumbers } from "../numbers/known-numbers.ts";
import { exhausted, type LookUpsExhausted } from "../numbers/look-up-budget.ts";
import type { NotKnown, Numbers } from "../numbers/numbers.ts";
import type { Conversation, Conversations, Names } from "../store/conversations.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import type { Store } from "../store/store.ts";
import { findAudience } from "./audience.ts";
import type { OpenedMessage } from "./open-message.ts";
import type { OnlineSession } from "./resolve-session.ts";

/** Where a message goes. */
export interface Destination {
  /** The jid. */
  chat: string;
  /** Null for a code, and in a group that cannot be written to. */
  conversation: Conversation | null;
  /** Null in a chat of two, and for a story. */
  group: SendingGroup | null;
  /** The hidden ids of those who see a story. */
  audience?: string[];
}

interface Context {
  store: Store;
  numbers: Numbers;
  knownNumbers: Pick<KnownNumbers, "answered">;
  conversations: Conversations;
}

type Found = { chat: string; names: Partial<Names> } | { failure: FailureReason } | LookUpsExhausted | NotKnown;

/** Finds where a message goes, or why it cannot go there, or when WhatsApp may be asked. */
export async function findDestination(
  context: Context,
  session: OnlineSession,
  { to, isCode, audience }: Pick<OpenedMessage, "to" | "isCode" | "audience">,
): Promise<Destination | Exclude<Found, { chat: string }>> {
  if (audience) {
    const people = await findAudience(context, session, audience);
    return Array.isArray(people) ? { chat: storyJid, conversation: null, group: null, audience: people } : people;
  }
  const found = await findChat(context, session, to);
  if (!("chat" in found)) return found;
  const { chat, names } = found;
  if (isCode) return { chat, conversation: null, group: null };
  const group = isGroup(chat) ? await readGroup(session, chat) : null;
  if (group && "failure" in group) return group;
  return { chat, conversation: await meet(context, session.fence, names), group };
}

async function findChat({ numbers, conversations }: Context, session: OnlineSession, to: string): Promise<Found> {
  if (to.startsWith("+")) return byNumber(numbers, session, to.slice(1));
  if (isGroup(to)) return { chat: to, names: { group: to } };
  const { sessionId } = session.fence;
  const id = chatIdOf(to);
  const known = isLid(to)
    ? ((await conversations.byAddress(sessionId, to))?.names ?? { pn: null, lid: to, group: null })
    : (await conversations.find(sessionId, [id])).get(id)?.names;
  if (!known) return { failure: "chat_unknown" };
  const { pn, lid, group, form } = known as Names;
  if (group !== null) return { chat: group, names: { group } };
  const isByLid = form === undefined ? pn === null || isLid(to) : form === "lid";
  if (lid !== null && (isByLid || pn === null)) return { chat: lid, names: { pn, lid } };
  if (pn === null) return { failure: "chat_unknown" };
  const found = await byNumber(numbers, session, pn.split("@")[0]!);
  // The account may hide the number by now.
  return "failure" in found && lid !== null ? { chat: lid, names: { pn, lid } } : found;
}

async function byNumber(numbers: Numbers, { live, socket }: OnlineSession, digits: string): Promise<Found> {
  const { workspaceId } = live;
  const { sessionId } = live.fence;
  const asker = { workspaceId, sessionId, purpose: "send", ask: (all: string[]) => socket.lookUp(all) } as const;
  const chat = await numbers.jidOf(digits, asker).catch(exhausted);
  if (chat === null) return { failure: "not_on_whatsapp" };
  return typeof chat === "string" ? { chat, names: namesIn([chat]) } : chat;
}

/** WhatsApp answers 403 to an account that is not in the group, and 404 for a group that does not exist. */
const notThere = new Set([401, 403, 404]);

async function readGroup({ socket }: OnlineSession, jid: string): Promise<SendingGroup | { failure: FailureReason }> {
  try {
    const group = await socket.group(jid);
    if (!group.isMember) return { failure: "not_group_member" };
    return group.isOpen ? group : { failure: "not_group_admin" };
  } catch (error) {
    if (error instanceof Refused && notThere.has(error.code)) return { failure: "not_group_member" };
    throw error;
  }
}

/** Why WhatsApp refused a message to a group: the account is no member, or only admins may write. Null for any other reason. */
export async function refusalOfGroup(session: OnlineSession, jid: string): Promise<FailureReason | null> {
  const group = await readGroup(session, jid);
  return "failure" in group ? group.failure : null;
}

/** The conversation with these names, which is stored with what is new about it. */
async function meet({ store, conversations }: Context, fence: Fence, names: Partial<Names>): Promise<Conversation> {
  const { conversation, statements } = await conversations.met(fence, names);
  if (statements.length > 0) await writeFenced(store, fence, statements);
  return conversation;
}

/** Stores a person's other jid, which is known since a send. */
export async function learnOther(
  context: Context,
  { fence }: OnlineSession,
  { chat, conversation, other }: { chat: string; conversation: Conversation | null; other: string | null },
): Promise<void> {
  if (!conversation || other === null) return;
  const { pn, lid } = namesIn([chat, other]);
  if (pn !== conversation.names.pn || lid !== conversation.names.lid) await meet(context, fence, { pn, lid });
}

/** WhatsApp took a message to this jid of a person, after it had refused the other one: the next goes there at once. */
export async function rememberForm(
  context: Context,
  { live, fence }: OnlineSession,
  { to, good, refused, isCode }: { to: string; good: string; refused: string; isCode: boolean },
): Promise<void> {
  const { pn, lid } = namesIn([good, refused]);
  const digits = [pn?.split("@")[0], to.startsWith("+") ? to.slice(1) : undefined];
  const jids = digits.flatMap((one): [string, string][] => (one === undefined ? [] : [[one, good]]));
  await context.knownNumbers.answered(live.workspaceId, new Map(jids));
  if (!isCode) await meet(context, fence, { pn, lid, form: isLid(good) ? "lid" : "pn" });
}
