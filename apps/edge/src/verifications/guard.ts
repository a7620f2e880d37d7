import type { PrefixGuardLevel } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { Rule } from "../messages/admission.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const baseMs = 7 * dayMs;

/**
 * A prefix is blocked if `sends` or more codes were sent, less than `share` of them were typed in, and less than `ofUsual`
 * of the prefix's usual share. A usual share below `share * ofUsual` is ignored, because then few codes were ever typed in.
 */
const thresholds: Record<Exclude<PrefixGuardLevel, "off">, { sends: number; share: number; ofUsual: number }> = {
  basic: { sends: 40, share: 0.05, ofUsual: 0.15 },
  standard: { sends: 20, share: 0.1, ofUsual: 0.25 },
  max: { sends: 10, share: 0.2, ofUsual: 0.5 },
};

interface Subject {
  workspaceId: string;
  prefix: string;
  at: number;
}

/** Refuses while the prefix is blocked. No rule if the guard is off. */
export const guardRule = (level: PrefixGuardLevel, { workspaceId, prefix, at }: Subject): Rule[] =>
  level === "off"
    ? []
    : [
        sql`(SELECT json_array('guarded', g.blocked_until) FROM prefix_guard g
          WHERE g.workspace_id = ${workspaceId} AND g.prefix = ${prefix} AND g.blocked_until > ${at})`,
      ];

/**
 * Blocks a prefix if too few of its codes are typed in, a sign of paid traffic: for an hour, then twice as long each time,
 * up to a day. It compares the current and the last full hour, after the last block, with the seven days before. Codes
 * that the caller knows are not counted, because they may be checked elsewhere.
 */
export function guardPrefix(db: Db, level: Exclude<PrefixGuardLevel, "off">, { workspaceId, prefix, at }: Subject) {
  const { sends, share, ofUsual } = thresholds[level];
  const since = Math.floor(at / hourMs) * hourMs - hourMs;
  const counts = sql`
    coalesce(sum(CASE WHEN stage IN ('created', 'resent') THEN count
      WHEN stage IN ('known_created', 'known_resent') THEN -count END), 0) AS sends,
    coalesce(sum(CASE stage WHEN 'approved' THEN count WHEN 'known_approved' THEN -count END), 0) AS approved
    FROM conversion_by_prefix WHERE workspace_id = ${workspaceId} AND prefix = ${prefix} AND mode = 'push'`;
  return sql`INSERT INTO prefix_guard (workspace_id, prefix, blocked_until, strikes, sends, approved, updated_at)
    SELECT ${workspaceId}, ${prefix}, ${at + hourMs}, 1, lately.sends, lately.approved, ${at}
    FROM (SELECT ${counts} AND hour >= ${since} AND hour > coalesce((SELECT updated_at FROM prefix_guard
        WHERE workspace_id = ${workspaceId} AND prefix = ${prefix}), 0)) lately
    WHERE lately.sends >= ${sends} AND lately.approved < lately.sends * ${share}
      AND NOT EXISTS (SELECT 1 FROM (SELECT ${counts} AND hour >= ${since - baseMs} AND hour < ${since}) usual
        WHERE usual.sends >= ${sends} AND usual.approved >= ${share * ofUsual} * usual.sends
          AND lately.approved * usual.sends >= ${ofUsual} * usual.approved * lately.sends)
    ON CONFLICT DO UPDATE SET
      strikes = CASE WHEN blocked_until > ${at - dayMs} THEN strikes + 1 ELSE 1 END,
      blocked_until = ${at} + CASE WHEN blocked_until > ${at - dayMs} THEN min(${dayMs}, ${hourMs} << min(strikes, 5))
        ELSE ${hourMs} END,
      sends = excluded.sends, approved = excluded.approved, updated_at = ${at}
    WHERE blocked_until <= ${at}`.compile(db.kysely);
}
