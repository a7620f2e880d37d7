import type { FailureReason } from "@sandi/contracts";
import type { AtRest } from "@sandi/crypto";
import type { Receipt } from "../baileys/receipts.ts";
import { isLid } from "../content/jids.ts";
import type { Services } from "../services.ts";
import {
  attemptStatement,
  attemptWriter,
  findByMessageId,
  ledgerChat,
  type LedgerEntry,
  ledgerMessage,
  rank,
} from "../store/ledger.ts";
import { advanceStatement, type Move, moveWriter, reopenStatement, revokedStatement } from "../store/ledger-moves.ts";
import { appendOnceStatement, hasEventOf, type NewEvent } from "../store/outbox.ts";
import type { Chats } from "../store/chats.ts";
import type { Conversations } from "../store/conversations.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import { unsentStatement } from "../store/messages.ts";
import type { Pseudonym } from "../store/pseudonyms.ts";
import type { Store } from "../store/store.ts";
import type { Attempt } from "./attempt.ts";
import { createGroupReceipts } from "./group-receipts.ts";
import type { NumberedTexts } from "./numbered.ts";
import { createRecentMessages, type KnownMessage } from "./recent-messages.ts";
import { findSent, isOneOf, openChat } from "./resend.ts";

/** The messages that this connector has accepted: their ledger entries, and their events in the outbox. */
export interface Deliveries {
  find(messageId: string): Promise<LedgerEntry | null>;
  /** Whether the edge knows all that has happened to the message. */
  isReported(message: Pick<LedgerEntry, "sessionId" | "messageId">): Promise<boolean>;
  /** The recipient's jid; null when it is deleted already. */
  chat(entry: Pick<LedgerEntry, "sessionId" | "waId" | "sealedChat">): Promise<string | null>;
  /** The edge gave a message that failed here again. */
  reopen(fence: Fence, waId: string): Promise<void>;
  /** Stores a message before it is sent, for devices that ask for it again. Rejects with `LeaseLost`. */
  begin(fence: Fence, attempt: Attempt): Promise<void>;
  /** WhatsApp's server has acknowledged the message. */
  sent(fence: Fence, waId: string, chatLid: string | null): Promise<void>;
  /** The message was not sent and will not be sent. */
  failed(fence: Fence, failure: Failure): Promise<void>;
  /** The message was revoked. */
  revoked(fence: Fence, message: Pick<LedgerEntry, "messageId" | "waId">): Promise<void>;
  /** The recipient, or a member of the group, has received, read or played messages. Anybody else's receipt is ignored. */
  receipt(fence: Fence, receipt: Receipt): Promise<void>;
  /** A member has left a group: its messages no longer wait for this member's receipts. */
  left(fence: Fence, group: string, names: string[]): Promise<void>;
  /** The message as it was sent, for its recipient only; null when it is deleted already. */
  message(sessionId: string, waId: string, person: string[]): Promise<Uint8Array | null>;
  /** Clears the memory of messages whose recipient was erased from the ledger. */
  forget(sessionId: string, waIds: readonly string[]): void;
}

interface Failure extends Pick<Attempt, "messageId" | "waId" | "traceparent"> {
  reason: FailureReason;
  /** It may be kept in its chat. */
  isInChat?: boolean;
}

interface Options {
  services: Pick<Services, "now" | "newId">;
  store: Store;
  atRest: (sessionId: string) => AtRest;
  pseudonym: Pseudonym;
  numbered: Pick<NumberedTexts, "begin">;
  chats: Chats;
  conversations: Pick<Conversations, "met">;
  /** An event was appended to the outbox. */
  onAppended: () => void;
}

export function createDeliveries(options: Options): Deliveries {
  const { services, store, atRest, pseudonym, numbered, chats, onAppended } = options;
  const recent = createRecentMessages(store);
  const begin = attemptWriter(store);
  const moveOn = moveWriter(store);

  async function find(sessionId: string, waId: string): Promise<KnownMessage | null> {
    return (await recent.find(sessionId, [waId])).get(waId) ?? null;
  }

  function eventOf(
    fence: Fence,
    { messageId, traceparent, conversationId }: Pick<LedgerEntry, "messageId" | "traceparent" | "conversationId">,
    type: "message.sent" | "message.delivered" | "message.read" | "message.played" | "message.revoked",
  ): NewEvent {
    const [id, at] = [services.newId("evt"), services.now().toISOString()];
    const about = { id, sessionId: fence.sessionId, messageId, at, ...(traceparent === null ? {} : { traceparent }) };
    if (type !== "message.sent") return { ...about, type };
    return { ...about, type, ...(conversationId ? { chatId: conversationId } : {}) };
  }

  /** Moves a message forward, and reports the states that it skipped as well. */
  async function move(
    fence: Fence,
    waId: string,
    entry: KnownMessage,
    to: "sent" | "delivered" | "read" | "played",
  ): Promise<void> {
    const before = entry.rank;
    // An earlier receipt may be in memory only, its write not finished yet.
    if (before >= rank[to]) return entry.stored;
    const events: Move["events"] = [];
    if (before < rank.sent) events.push({ event: eventOf(fence, entry, "message.sent"), below: rank.sent });
    if (to !== "sent") events.push({ event: eventOf(fence, entry, `message.${to}`), below: rank[to] });
    // Set before the write, because later events are written after this one, in order.
    entry.rank = rank[to];
    const moved = moveOn({ fence, waId, to: rank[to], chatLid: entry.chatLid, events });
    const chatStored = chats.reached(fence, [entry.chat, entry.chatLid]);
    const stored = Promise.all([moved, chatStored]).then(() => undefined);
    entry.stored = stored;
    try {
      await stored;
    } catch (error) {
      entry.rank = before;
      throw error;
    }
    onAppended();
  }

  const groups = createGroupReceipts({ ...options, recent, move });

  /** A receipt from a LID whose number is unknown counts too, because only the recipient knows the message's id. */
  function isRecipient(entry: KnownMessage, jids: string[]): boolean {
    if (isOneOf(options, entry, jids)) return true;
    return entry.chatLid === null && jids.length === 1 && isLid(jids[0]!);
  }

  return {
    async find(messageId) {
      const entry = await findByMessageId(store, messageId);
      // A receipt may be in memory only, its write not finished yet.
      const newer = entry && recent.get(entry.sessionId, entry.waId);
      return entry && { ...entry, rank: Math.max(entry.rank, newer?.rank ?? 0) };
    },
    isReported: async (message) => !(await hasEventOf(store, message)),
    chat: (entry) => openChat(options, entry),
    async reopen(fence, waId) {
      await writeFenced(store, fence, [reopenStatement(fence, waId)]);
    },
    async begin(
      fence,
      { waId, chat: jid, message, keepUntil, isPaced, members, options: choices, inChat = [], ...about },
    ) {
      const { sessionId } = fence;
      if (choices.length > 0) {
        const { messageId } = about;
        await numbered.begin(fence, { messageId, waId, chat: jid, options: choices, keepUntil });
      }
      const chat = pseudonym(jid);
      const sealed = await atRest(sessionId).seal(message, ledgerMessage.context(waId));
      const sealedChat = await ledgerChat.seal(atRest(sessionId), jid, waId);
      const begun = { ...about, chat, chatLid: null, rank: rank.sending };
      const kept = { sealed, sealedUntil: keepUntil, sealedChat, members: members ?? null };
      const entry = { ...begun, sessionId, waId, ...kept };
      const attempt = { fence, entry, at: services.now(), isPaced };
      if (inChat.length === 0) await begin(attempt);
      else await writeFenced(store, fence, [attemptStatement(attempt), ...inChat]);
      const earlier = recent.get(sessionId, waId);
      // The second address of a person, or another attempt.
      if (earlier) Object.assign(earlier, { ...about, chat });
      else recent.set(sessionId, waId, begun);
    },
    async sent(fence, waId, lid) {
      const entry = await find(fence.sessionId, waId);
      if (!entry) return;
      entry.chatLid ??= lid === null ? null : pseudonym(lid);
      await move(fence, waId, entry, "sent");
    },
    async failed(fence, { messageId, waId, reason, traceparent, isInChat }) {
      const { sessionId } = fence;
      const at = services.now();
      const event: NewEvent = {
        id: services.newId("evt"),
        type: "message.failed",
        sessionId,
        messageId,
        reason,
        at: at.toISOString(),
        traceparent,
      };
      const row = {
        messageId,
        sessionId,
        waId,
        chat: null,
        chatLid: null,
        sealed: null,
        sealedUntil: null,
        sealedChat: null,
        traceparent,
      };
      await writeFenced(store, fence, [
        attemptStatement({ fence, entry: { ...row, rank: rank.sending }, at }),
        appendOnceStatement(fence, event, waId, rank.sent),
        advanceStatement(fence, { waId, to: rank.failed, below: rank.sent, chatLid: null }),
        ...(isInChat ? [unsentStatement(fence, pseudonym(waId))] : []),
      ]);
      recent.delete(sessionId, waId);
      onAppended();
    },
    async revoked(fence, { waId }) {
      const entry = await find(fence.sessionId, waId);
      if (!entry || entry.rank >= rank.revoked) return;
      const before = entry.rank;
      // Set before the write, so that a receipt that arrives now is ignored.
      entry.rank = rank.revoked;
      const event = eventOf(fence, entry, "message.revoked");
      const statements = [appendOnceStatement(fence, event, waId, rank.revoked), revokedStatement(fence, waId)];
      entry.stored = writeFenced(store, fence, statements).then(() => undefined);
      try {
        await entry.stored;
      } catch (error) {
        entry.rank = before;
        throw error;
      }
      onAppended();
    },
    left: (fence, group, names) => groups.left(fence, group, names),
    async receipt(fence, { waIds, kind, from, group }) {
      if (group !== undefined) return groups.receipt(fence, { waIds, kind, from, group });
      const entries = [...(await recent.find(fence.sessionId, waIds))];
      const theirs = entries.filter(([, entry]) => isRecipient(entry, from));
      await Promise.all(theirs.map(([waId, entry]) => move(fence, waId, entry, kind)));
      return undefined;
    },
    message: (sessionId, waId, person) => findSent(options, sessionId, { waId, person }),
    forget(sessionId, waIds) {
      for (const waId of waIds) recent.delete(sessionId, waId);
    },
  };
}
