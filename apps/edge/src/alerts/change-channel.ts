import { type AlertChannel, AppError, type ChangeAlertChannel } from "@sandi/contracts";
import { sql } from "kysely";
import { difference } from "../audit/difference.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import type { AlertChannelTable, KnownKey } from "../db/schema.ts";
import { newId, type Services } from "../services.ts";
import { findChannel, toChannel } from "./repository.ts";

interface Input {
  key: KnownKey;
  id: string;
  change: ChangeAlertChannel;
}

/** Changes what a channel is told, or pauses it; one that goes on starts with no failures. */
export async function changeChannel(services: Services, { key, id, change }: Input): Promise<AlertChannel> {
  const { db } = services;
  const { workspaceId } = key;
  const row = await findChannel(db, workspaceId, id);
  if (!row) throw new AppError("alert-channel-not-found");
  const at = services.now().getTime();
  const next = changed(row, change, at);
  const detail = difference<object>(shown(row), shown(next));
  if (Object.keys(detail).length === 0) return toChannel(row);
  const auditId = newId(services, "aud");
  try {
    const [updated] = await db.write([
      sql`UPDATE alert_channel SET name = ${next.name}, after_seconds = ${next.afterSeconds}, quiet = ${next.quiet},
          failures_in_row = ${next.failuresInRow}, paused_at = ${next.pausedAt}, paused_because = ${next.pausedBecause},
          updated_at = ${at} WHERE id = ${id} AND workspace_id = ${workspaceId}`.compile(db.kysely),
      auditStatement(db, {
        id: auditId,
        workspaceId,
        actor: key.id,
        action: "alert_channel.updated",
        target: id,
        detail,
        at,
      }),
    ]);
    if (updated.numAffectedRows === 0n) throw new AppError("alert-channel-not-found");
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id: auditId });
  }
  return toChannel(next);
}

function changed(row: AlertChannelTable, change: ChangeAlertChannel, at: number): AlertChannelTable {
  const { name = row.name, afterSeconds = row.afterSeconds, quiet, isPaused } = change;
  const next = {
    ...row,
    name,
    afterSeconds,
    quiet: quiet === undefined ? row.quiet : JSON.stringify([...new Set(quiet)]),
    updatedAt: at,
  };
  if (isPaused === undefined || isPaused === (row.pausedAt !== null)) return next;
  if (isPaused) return { ...next, pausedAt: at, pausedBecause: "requested" };
  return { ...next, pausedAt: null, pausedBecause: null, failuresInRow: 0 };
}

/** A channel's properties as the audit log tells them. */
const shown = ({ name, afterSeconds, quiet, pausedAt }: AlertChannelTable) => ({
  name,
  afterSeconds,
  quiet: JSON.parse(quiet) as unknown,
  isPaused: pausedAt !== null,
});
