import { type RawBuilder, sql } from "kysely";

/**
 * In SQL the position of the newest event that may be shown now. A canceled code to a number without an account is revoked
 * some hundred milliseconds later, as a connector would report it, so this event has a time to come. It and the events
 * behind it wait for that time: a reader that skipped it would miss it.
 */
export const lastDue = (workspaceId: string | RawBuilder<unknown>, at: number): RawBuilder<number> =>
  sql<number>`coalesce((SELECT min(seq) - 1 FROM event INDEXED BY event_at WHERE at > ${at} AND workspace_id = ${workspaceId}
    AND type = 'message.revoked' AND data ->> '$.reason' IS 'not_on_whatsapp'), ${sql.lit(Number.MAX_SAFE_INTEGER)})`;
