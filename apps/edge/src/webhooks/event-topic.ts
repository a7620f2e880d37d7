import { type EventPattern, matchesPattern, type Scope, scopes } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { FeedRow } from "../feed/feed-rows.ts";
import { presentEvent } from "../feed/present-events.ts";
import type { Claimed, Topic } from "../outbound/topic.ts";
import type { Failure } from "../outbound/outcome.ts";
import { settingsOf } from "./present.ts";

const [second, minute, hour] = [1000, 60_000, 3600_000];
/** The wait after the first failure, after the second, and so on. The failure after the last wait ends the delivery. */
export const retryWaits = [
  5 * second,
  30 * second,
  2 * minute,
  10 * minute,
  1 * hour,
  3 * hour,
  6 * hour,
  12 * hour,
  24 * hour,
] as const;
const longestWaitMs = 24 * hour;
/** An endpoint that fails for so long, without a success, is paused. */
const failingMs = 72 * hour;

const isGone = ({ status }: Failure) => status === 410;

/** Events, which endpoints subscribe to (fan-out.ts). */
export const eventTopic: Topic = {
  name: "event",
  isLogged: true,
  async compose(services, delivery) {
    const { type, workspaceId } = delivery;
    if (type === "test") return { type: "webhook.test", text: "This is a test of Sandi's webhooks.", data: {} };
    const { row, scopes: owned, events } = await readEvent(services.db, delivery);
    if (!row) return undefined;
    const event = await presentEvent(services, { workspaceId, scopes: owned }, row);
    // Its key sees less, or more, than when the delivery was stored: so it may be an event that nobody asked for.
    if (event && event.type !== type && !events.some((pattern) => matchesPattern(pattern, event.type)))
      return undefined;
    return event && { type: event.type, text: event.type, data: {}, body: event, id: event.id };
  },
  waitAfter(failure, failures) {
    if (isGone(failure)) return 0;
    const usual = retryWaits[failures - 1];
    const { status, retryAfterSeconds } = failure;
    const asked = status === 429 || status === 503 ? (retryAfterSeconds ?? 0) * second : 0;
    return usual && Math.max(usual, Math.min(asked, longestWaitMs));
  },
  pauseAfter: (failure, at) =>
    isGone(failure)
      ? { because: "gone", when: sql`true` }
      : { because: "failures", when: sql`failing_since <= ${at - failingMs}` },
};

/** The event of a delivery, what its endpoint asks for, and the scopes of the key that owns it. */
async function readEvent(
  db: Db,
  { workspaceId, endpointId, eventSeq }: Claimed,
): Promise<{ row: FeedRow | undefined; scopes: ReadonlySet<Scope>; events: readonly EventPattern[] }> {
  const [events, endpoints] = await db.read([
    sql<FeedRow>`SELECT * FROM event WHERE seq = ${eventSeq} AND workspace_id = ${workspaceId}`.compile(db.kysely),
    sql<{ createdBy: string | null; scopes: string | null; settings: string }>`SELECT p.created_by, k.scopes, p.settings
      FROM endpoint p LEFT JOIN api_key k ON k.id = p.created_by
      WHERE p.id = ${endpointId} AND p.workspace_id = ${workspaceId}`.compile(db.kysely),
  ]);
  const [endpoint] = endpoints.rows;
  if (!endpoint) return { row: undefined, scopes: new Set(), events: [] };
  // A key that is not stored any more sees nothing. Only a webhook of the workspace itself sees all.
  const owned = endpoint.createdBy === null ? scopes : (JSON.parse(endpoint.scopes ?? "[]") as Scope[]);
  return { row: events.rows[0], scopes: new Set(owned), events: settingsOf(endpoint).events };
}
