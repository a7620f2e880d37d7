import type { IncidentKind } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { IncidentTable } from "../db/tables/deliveries.ts";

/** An incident that begins again within this time is the same one. */
const foldMs = 600_000;

interface Opening {
  /** In SQL the `id` and `workspace_id` of the sessions or channels that have the incident. */
  subjects: RawBuilder<unknown>;
  /** Or the kind in SQL, of the subject with this id. */
  kind: IncidentKind | ((id: RawBuilder<unknown>) => RawBuilder<unknown>);
  reason: string | null;
  /** When it closes by itself. */
  until?: number | null;
  at: number;
}

/** Opens an incident, or opens the last one again if it closed less than `foldMs` ago. An open one takes the new reason. */
export const openIncidents = (
  { kysely }: Db,
  { subjects, kind, reason, until = null, at }: Opening,
): CompiledQuery[] => [
  sql`UPDATE incident SET closed_at = NULL, ending = NULL, times = times + 1, since = ${at}, changed_at = ${at}
    WHERE closed_at > ${at - foldMs} AND rowid IN (SELECT max(rowid) FROM incident
      WHERE kind = ${kindOf(kind, sql`subject`)} AND subject IN (SELECT id FROM (${subjects})) GROUP BY subject)`.compile(
    kysely,
  ),
  sql`INSERT INTO incident (id, workspace_id, subject, kind, reason, opened_at, since, changed_at, until)
    SELECT 'inc_' || printf('%012x', ${at}) || lower(hex(randomblob(7))), workspace_id, id, ${kindOf(kind, sql`id`)}, ${reason}, ${at}, ${at},
      ${at}, ${until} FROM (${subjects}) WHERE true
    ON CONFLICT (subject, kind) WHERE closed_at IS NULL DO UPDATE SET reason = excluded.reason, until = excluded.until`.compile(
    kysely,
  ),
];

const kindOf = (kind: Opening["kind"], id: RawBuilder<unknown>) => (typeof kind === "string" ? sql`${kind}` : kind(id));

interface Closing {
  /** In SQL the `id` of the sessions or channels. */
  subjects: RawBuilder<unknown>;
  /** All kinds if left out. */
  kinds?: readonly IncidentKind[];
  ending: NonNullable<IncidentTable["ending"]>;
  at: number;
}

/** Closes open incidents. Channels report only the ending `recovered`. */
export const closeIncidents = ({ kysely }: Db, { subjects, kinds, ending, at }: Closing): CompiledQuery =>
  sql`UPDATE incident SET closed_at = max(since, ${at}), changed_at = ${at}, ending = ${ending}
    WHERE subject IN (SELECT id FROM (${subjects})) AND closed_at IS NULL
      AND ${kinds === undefined ? sql`true` : sql`kind IN (${sql.join(kinds)})`}`.compile(kysely);
