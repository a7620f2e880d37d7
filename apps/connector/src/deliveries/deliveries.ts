import type { FailureReason } from "@sandi/contracts";
import type { AtRest } from "@sandi/crypto";
import { LRUCache } from "lru-cache";
import type { Receipt } from "../baileys/receipts.ts";
import { revocation } from "../content/revocation.ts";
import { revocationId } from "../content/whatsapp-ids.ts";
import { encode } from "../content/wire.ts";
import type { Services } from "../services.ts";
import {
  advanceStatement,
  attemptStatement,
  attemptWriter,
  findByMessageId,
  findByWaId,
  findByWaIds,
  type LedgerEntry,
  type Move,
  moveWriter,
  rank,
  revokedStatement,
} from "../store/ledger.ts";
import { appendNewsStatement, type NewEvent } from "../store/outbox.ts";
import type { Chats } from "../store/chats.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import type { Pseudonym } from "../store/pseudonyms.ts";
import type { Store } from "../store/store.ts";

/** What is known of messages that were taken on: in the ledger, and each news of them in the outbox with it. */
export interface Deliveries {
  find(messageId: string): Promise<LedgerEntry | null>;
  /** The recipient's jid, while it is kept. */
  chat(entry: Pick<LedgerEntry, "sessionId" | "waId" | "sealedChat">): Promise<string | null>;
  /** Before a message leaves: what it is, for devices that ask for it again. Rejects with `LeaseLost`. */
  begin(fence: Fence, attempt: Attempt): Promise<void>;
  /** WhatsApp's server has it. */
  sent(fence: Fence, waId: string, chatLid: string | null): Promise<void>;
  /** It was not sent and will not be. */
  failed(fence: Fence, failure: Failure): Promise<void>;
  /** It has been taken back. */
  revoked(fence: Fence, message: Pick<LedgerEntry, "messageId" | "waId">): Promise<void>;
  /** The recipient has it, or has read it. From anybody else it changes nothing. */
  receipt(fence: Fence, receipt: Receipt): Promise<void>;
  /** The message as it was sent, while it is kept, and for its recipient only. */
  message(sessionId: string, waId: string, person: string[]): Promise<Uint8Array | null>;
}

export interface Attempt {
  messageId: string;
  waId: string;
  chat: string;
  message: Uint8Array<ArrayBuffer>;
  keepUntil: Date;
  /** It counts for the day's bound on bulk messages. */
  isBulk: boolean;
  /** What is told of the message from now on follows from it. */
  traceparent: string;
}

interface Failure extends Pick<Attempt, "messageId" | "waId" | "traceparent"> {
  reason: FailureReason;
}

interface Options {
  services: Pick<Services, "now" | "newId">;
  store: Store;
  atRest: (sessionId: string) => AtRest;
  pseudonym: Pseudonym;
  chats: Chats;
  /** There is something in the outbox. */
  onNews: () => void;
}

type Known = Pick<LedgerEntry, "messageId" | "chat" | "chatLid" | "rank" | "traceparent"> & {
  /** The write that brings the ledger to this rank. */
  stored?: Promise<void>;
};

const key = (sessionId: string, waId: string) => `${sessionId} ${waId}`;
const context = (id: string) => ({ table: "ledger", column: "sealed", id });
const chatContext = (id: string) => ({ table: "ledger", column: "sealed_chat", id });
const decoder = new TextDecoder();
const encoder = new TextEncoder();

export function createDeliveries({ services, store, atRest, pseudonym, chats, onNews }: Options): Deliveries {
  /** The newest messages, so that acks and receipts need no read. */
  const recent = new LRUCache<string, Known>({ max: 20_000 });
  const begin = attemptWriter(store);
  const moveOn = moveWriter(store);

  /** Of these messages those that are known. */
  async function knownOf(sessionId: string, waIds: readonly string[]): Promise<Map<string, Known>> {
    const found = new Map<string, Known>();
    const unread: string[] = [];
    for (const waId of new Set(waIds)) {
      const cached = recent.get(key(sessionId, waId));
      if (cached) found.set(waId, cached);
      else unread.push(waId);
    }
    if (unread.length === 0) return found;
    for (const entry of await findByWaIds(store, sessionId, unread)) {
      // One object per message: its rank is what keeps news from being told twice.
      const raced = recent.get(key(sessionId, entry.waId));
      if (!raced) recent.set(key(sessionId, entry.waId), entry);
      found.set(entry.waId, raced ?? entry);
    }
    return found;
  }

  async function known(sessionId: string, waId: string): Promise<Known | null> {
    return (await knownOf(sessionId, [waId])).get(waId) ?? null;
  }

  function news(
    fence: Fence,
    { messageId, traceparent }: Pick<LedgerEntry, "messageId" | "traceparent">,
    type: "message.sent" | "message.delivered" | "message.read" | "message.revoked",
  ): NewEvent {
    const [id, at] = [services.newId("evt"), services.now().toISOString()];
    return { id, type, sessionId: fence.sessionId, messageId, at, ...(traceparent === null ? {} : { traceparent }) };
  }

  /** Moves a message on, each step that it skipped told as well. */
  async function move(fence: Fence, waId: string, entry: Known, to: "sent" | "delivered" | "read"): Promise<void> {
    const before = entry.rank;
    // What a receipt has told already may still be on its way to the disk.
    if (before >= rank[to]) return entry.stored;
    const steps: Move["news"] = [];
    if (before < rank.sent) steps.push({ event: news(fence, entry, "message.sent"), below: rank.sent });
    if (to !== "sent") steps.push({ event: news(fence, entry, `message.${to}`), below: rank[to] });
    // Set before the write: what comes next is written after it, in order.
    entry.rank = rank[to];
    const moved = moveOn({ fence, waId, to: rank[to], chatLid: entry.chatLid, news: steps });
    const met = chats.reached(fence, [entry.chat, entry.chatLid]);
    const stored = Promise.all([moved, met]).then(() => undefined);
    entry.stored = stored;
    try {
      await stored;
    } catch (error) {
      entry.rank = before;
      throw error;
    }
    onNews();
  }

  function isOneOf({ chat, chatLid }: Pick<Known, "chat" | "chatLid">, jids: string[]): boolean {
    const names = jids.map(pseudonym);
    return names.some((name) => name === chat || name === chatLid);
  }

  /** A receipt by a LID whose number nobody knows yet counts too: the message's id is a secret of the two sides. */
  function isRecipient(entry: Known, jids: string[]): boolean {
    if (isOneOf(entry, jids)) return true;
    return entry.chatLid === null && jids.length === 1 && jids[0]!.endsWith("@lid");
  }

  async function openChat({ sessionId, waId, sealedChat }: Parameters<Deliveries["chat"]>[0]): Promise<string | null> {
    if (sealedChat === null) return null;
    return decoder.decode(await atRest(sessionId).open(sealedChat, chatContext(waId)));
  }

  /** What took a message back, for a device that could not decrypt it. */
  async function revocationOf(sessionId: string, waId: string, person: string[]): Promise<Uint8Array | null> {
    const entry = await findByWaId(store, sessionId, waId);
    if (!entry || !isOneOf(entry, person)) return null;
    const jid = await openChat(entry);
    return jid === null ? null : encode(revocation(jid, waId));
  }

  return {
    async find(messageId) {
      const entry = await findByMessageId(store, messageId);
      // What a receipt has told already may still be on its way to the disk.
      const newer = entry && recent.get(key(entry.sessionId, entry.waId));
      return entry && { ...entry, rank: Math.max(entry.rank, newer?.rank ?? 0) };
    },
    chat: openChat,
    async begin(fence, { messageId, waId, chat: jid, message, keepUntil, isBulk, traceparent }) {
      const { sessionId } = fence;
      const chat = pseudonym(jid);
      const sealed = await atRest(sessionId).seal(message, context(waId));
      const sealedChat = await atRest(sessionId).seal(encoder.encode(jid), chatContext(waId));
      const begun = { messageId, chat, chatLid: null, rank: rank.sending, traceparent };
      const entry = { ...begun, sessionId, waId, sealed, sealedUntil: keepUntil, sealedChat };
      await begin({ fence, entry, at: services.now(), isBulk });
      const earlier = recent.get(key(sessionId, waId));
      if (earlier) earlier.traceparent = traceparent;
      else recent.set(key(sessionId, waId), begun);
    },
    async sent(fence, waId, lid) {
      const entry = await known(fence.sessionId, waId);
      if (!entry) return;
      entry.chatLid ??= lid === null ? null : pseudonym(lid);
      await move(fence, waId, entry, "sent");
    },
    async failed(fence, { messageId, waId, reason, traceparent }) {
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
        attemptStatement(fence, { ...row, rank: rank.sending }, at),
        appendNewsStatement(fence, event, waId, rank.sent),
        advanceStatement(fence, { waId, to: rank.failed, below: rank.sent, chatLid: null }),
      ]);
      recent.delete(key(sessionId, waId));
      onNews();
    },
    async revoked(fence, { waId }) {
      const entry = await known(fence.sessionId, waId);
      if (!entry || entry.rank >= rank.revoked) return;
      const before = entry.rank;
      // Set before the write: a receipt that comes now tells nothing any more.
      entry.rank = rank.revoked;
      const event = news(fence, entry, "message.revoked");
      const statements = [appendNewsStatement(fence, event, waId, rank.revoked), revokedStatement(fence, waId)];
      entry.stored = writeFenced(store, fence, statements).then(() => undefined);
      try {
        await entry.stored;
      } catch (error) {
        entry.rank = before;
        throw error;
      }
      onNews();
    },
    async receipt(fence, { waIds, kind, from }) {
      const entries = [...(await knownOf(fence.sessionId, waIds))];
      const theirs = entries.filter(([, entry]) => isRecipient(entry, from));
      await Promise.all(theirs.map(([waId, entry]) => move(fence, waId, entry, kind)));
    },
    async message(sessionId, waId, person) {
      const entry = await findByWaId(store, sessionId, waId);
      if (!entry) return revocationOf(sessionId, revocationId(waId), person);
      if (!entry.sealed || !entry.sealedUntil || entry.sealedUntil <= services.now()) return null;
      if (!isOneOf(entry, person)) return null;
      return atRest(sessionId).open(entry.sealed, context(waId));
    },
  };
}
