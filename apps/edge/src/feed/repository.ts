import { sql } from "kysely";
import { seesAccounts } from "../auth/powers.ts";
import type { Db } from "../db/schema.ts";
import { mostLookedAt } from "../page-window.ts";
import { lastDue } from "./due-events.ts";
import type { FeedRow } from "./feed-rows.ts";
import { typesWithoutLookup } from "../messages/shown-events.ts";
import { type EventFilter, storedTypes } from "./filter.ts";
import type { FeedReader } from "./reader.ts";

/** Events from a position on. The position is `event.seq`, which rises with each commit. */
interface FeedWindow {
  after: number;
  /** Now. */
  at: number;
  filter: EventFilter;
  limit: number;
}

/** Rows of the feed, oldest first. */
export interface FoundRows {
  rows: FeedRow[];
  /** Where the next page begins. */
  position: number;
  hasMore: boolean;
}

/**
 * The events whose positions a reader may learn, in SQL. A position between two others that are shown tells of an event:
 * without `lookup:read` those that tell of a number without an account do not count.
 */
const feedOf = ({ workspaceId, scopes }: Pick<FeedReader, "workspaceId" | "scopes">, at: number) =>
  sql`event INDEXED BY event_feed WHERE workspace_id = ${workspaceId} AND seq <= ${lastDue(workspaceId, at)}
    ${
      seesAccounts(scopes)
        ? sql``
        : sql`AND (type IN (${sql.join(Object.keys(typesWithoutLookup))}) OR data ->> '$.reason' IS NOT 'not_on_whatsapp')`
    }`;

/** A page of the feed. It looks at `mostLookedAt` rows at most. All its queries see one state. */
export async function findRows(
  db: Db,
  reader: FeedReader,
  { after, at, filter, limit }: FeedWindow,
): Promise<FoundRows> {
  const feed = feedOf(reader, at);
  const types = storedTypes(filter);
  const last = sql<{ seq: number }>`SELECT seq FROM ${feed} AND seq > ${after} ORDER BY seq LIMIT 1
    OFFSET ${mostLookedAt - 1}`;
  const found = await db.read({
    rows: sql<FeedRow>`SELECT * FROM ${feed} AND seq > ${after} AND seq <= coalesce((${last}), ${Number.MAX_SAFE_INTEGER})
      AND test = ${reader.test}
      ${filter.sessionId === undefined ? sql`` : sql`AND session_id = ${filter.sessionId}`}
      ${types ? sql`AND type IN (SELECT value FROM json_each(${JSON.stringify(types)}))` : sql``}
      ORDER BY seq LIMIT ${limit}`,
    last,
    newest: newestIn(reader, at),
  });
  const { rows } = found.rows;
  const newest = found.newest.rows[0]?.seq ?? 0;
  const isFull = rows.length === limit;
  const position = (isFull ? rows.at(-1) : found.last.rows[0])?.seq ?? Math.max(after, newest);
  return { rows, position, hasMore: position < newest };
}

const newestIn = (reader: FeedReader, at: number) =>
  sql<{ seq: number }>`SELECT seq FROM ${feedOf(reader, at)} ORDER BY seq DESC LIMIT 1`;

/** The position of the newest event of a reader's workspace; 0 without any. */
export async function newestPosition(db: Db, reader: FeedReader, at: number): Promise<number> {
  const { rows } = await newestIn(reader, at).execute(db.kysely);
  return rows[0]?.seq ?? 0;
}

/** The workspace's rows after a position, of live sends and of the sandbox. */
export async function newRows(
  db: Db,
  workspaceId: string,
  { after, at, limit }: { after: number; at: number; limit: number },
): Promise<FeedRow[]> {
  const { rows } = await sql<FeedRow>`SELECT * FROM event INDEXED BY event_feed
    WHERE workspace_id = ${workspaceId} AND seq > ${after} AND seq <= ${lastDue(workspaceId, at)}
    ORDER BY seq LIMIT ${limit}`.execute(db.kysely);
  return rows;
}

/** Events may be stored in another order than they happened: so many are compared. */
const mostCompared = 1_000;

/**
 * The position before the first event from this time on. Positions are of the whole database, and only a number is read:
 * so it needs no tenant, and one index is enough for all workspaces.
 */
export async function positionBefore(db: Db, at: number): Promise<number> {
  const { rows } = await sql<{ seq: number | null }>`SELECT coalesce((SELECT min(seq) - 1 FROM (
    SELECT seq FROM event INDEXED BY event_at WHERE at >= ${at} ORDER BY at LIMIT ${mostCompared})),
    (SELECT max(seq) FROM event)) AS seq`.execute(db.kysely);
  return rows[0]?.seq ?? 0;
}
