import { LRUCache } from "lru-cache";
import type { Services } from "../services.ts";
import { appendStatement } from "../store/outbox.ts";
import type { SessionRow, DesiredStateChange } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";

interface Options {
  services: Pick<Services, "now" | "newId">;
  store: Store;
  /** An event was appended to the outbox. */
  onAppended: () => void;
}

/** The queue delivers a job again later than this. A job that was recorded can be replayed at any rate. */
const everyMs = 5_000;

/** Reports once more that a deleted session has ended, to an edge that still sends desired states for it. */
export function reportDeletedSessions({
  services,
  store,
  onAppended,
}: Options): (row: SessionRow, change: DesiredStateChange) => Promise<void> {
  const reported = new LRUCache<string, true>({ max: 10_000, ttl: everyMs });
  return async (row, { sessionId, workspaceId, revision }) => {
    const key = `${sessionId} ${revision}`;
    if (row.workspaceId !== workspaceId || reported.has(key)) return;
    reported.set(key, true);
    const state = { state: "ended", reason: "requested", phone: null, attempts: 0, nextAttemptAt: null } as const;
    const event = { type: "session.state", sessionId, ...state } as const;
    const [id, at] = [services.newId("evt"), services.now().toISOString()];
    const fence = { sessionId, fence: row.fence };
    await store.writer.write([appendStatement(fence, { id, at, ...event, revision })]);
    onAppended();
  };
}
