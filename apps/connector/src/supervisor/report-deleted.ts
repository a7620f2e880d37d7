import { LRUCache } from "lru-cache";
import type { Services } from "../services.ts";
import { appendStatement } from "../store/outbox.ts";
import type { SessionRow, Wish } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";

interface Options {
  services: Pick<Services, "now" | "newId">;
  store: Store;
  /** There is something in the outbox. */
  onNews: () => void;
}

/** The queue comes again later than that; who has recorded a job can repeat it as fast as they like. */
const everyMs = 5_000;

/** Tells whoever still wants something of a deleted session that it has ended, for they have not heard of it. */
export function createGoodbyes({ services, store, onNews }: Options): (row: SessionRow, wish: Wish) => Promise<void> {
  const told = new LRUCache<string, true>({ max: 10_000, ttl: everyMs });
  return async (row, { sessionId, workspaceId, revision }) => {
    const key = `${sessionId} ${revision}`;
    if (row.workspaceId !== workspaceId || told.has(key)) return;
    told.set(key, true);
    const state = { state: "ended", reason: "requested", phone: null, attempts: 0, nextAttemptAt: null } as const;
    const event = { type: "session.state", sessionId, ...state } as const;
    const [id, at] = [services.newId("evt"), services.now().toISOString()];
    const fence = { sessionId, fence: row.fence };
    await store.writer.write([appendStatement(fence, { id, at, ...event, revision })]);
    onNews();
  };
}
