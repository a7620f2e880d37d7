import { LRUCache } from "lru-cache";
import { findByWaIds, type LedgerEntry } from "../store/ledger.ts";
import type { Store } from "../store/store.ts";

/** What an ack or a receipt needs to know of a message. */
export type KnownMessage = Pick<
  LedgerEntry,
  "messageId" | "chat" | "chatLid" | "rank" | "traceparent" | "conversationId"
> & {
  /** The write that stores this rank. */
  stored?: Promise<void>;
};

/** The newest messages in memory, so that most acks and receipts need no read. */
export interface RecentMessages {
  get(sessionId: string, waId: string): KnownMessage | undefined;
  set(sessionId: string, waId: string, message: KnownMessage): void;
  delete(sessionId: string, waId: string): void;
  /** Finds messages in memory, then in the ledger. Unknown ids are left out. */
  find(sessionId: string, waIds: readonly string[]): Promise<Map<string, KnownMessage>>;
}

const key = (sessionId: string, waId: string) => `${sessionId} ${waId}`;

export function createRecentMessages(store: Store): RecentMessages {
  const recent = new LRUCache<string, KnownMessage>({ max: 20_000 });
  return {
    get: (sessionId, waId) => recent.get(key(sessionId, waId)),
    set: (sessionId, waId, message) => void recent.set(key(sessionId, waId), message),
    delete: (sessionId, waId) => void recent.delete(key(sessionId, waId)),
    async find(sessionId, waIds) {
      const found = new Map<string, KnownMessage>();
      const unread: string[] = [];
      for (const waId of new Set(waIds)) {
        const cached = recent.get(key(sessionId, waId));
        if (cached) found.set(waId, cached);
        else unread.push(waId);
      }
      if (unread.length === 0) return found;
      for (const entry of await findByWaIds(store, sessionId, unread)) {
        // There is one object for each message: its rank keeps an event from being reported twice.
        const raced = recent.get(key(sessionId, entry.waId));
        if (!raced) recent.set(key(sessionId, entry.waId), entry);
        found.set(entry.waId, raced ?? entry);
      }
      return found;
    },
  };
}
