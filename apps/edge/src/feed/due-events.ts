import { type RawBuilder, sql } from "kysely";

// A canceled code to a number without an account is revoked some hundred milliseconds later, as a connector would report
// it. Its event has a time to come. It and the events behind it wait for that time: readers who skipped it would miss it.
const waiting = (workspaceId: string, at: number) =>
  sql`FROM event INDEXED BY event_at WHERE at > ${at} AND workspace_id = ${workspaceId} AND data ->> '$.reason' IS 'not_on_whatsapp'`;

/** In SQL the position of the newest event that may be shown now. */
export const lastDue = (workspaceId: string, at: number): RawBuilder<number> =>
  sql<number>`coalesce((SELECT min(seq) - 1 ${waiting(workspaceId, at)}), ${sql.lit(Number.MAX_SAFE_INTEGER)})`;

/** In SQL when the next of them may be shown; NULL: none waits. */
export const nextDueAt = (workspaceId: string, at: number): RawBuilder<number | null> =>
  sql<number | null>`(SELECT min(at) ${waiting(workspaceId, at)})`;
