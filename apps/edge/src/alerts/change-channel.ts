import { type AlertChannel, AppError, type ChangeAlertChannel } from "@sandi/contracts";
import { sql } from "kysely";
import { difference } from "../audit/difference.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { changeUntilStored } from "../db/optimistic.ts";
import type { AlertChannelTable, KnownKey } from "../db/schema.ts";
import { newId, type Services } from "../services.ts";
import { findChannel, toChannel } from "./repository.ts";

interface Input {
  key: KnownKey;
  id: string;
  change: ChangeAlertChannel;
}

/** Changes what a channel is told, or pauses it; one that goes on starts with no failures. */
export function changeChannel(services: Services, { key, id, change }: Input): Promise<AlertChannel> {
  return changeUntilStored("alert channel", async () => {
    const row = await findChannel(services.db, key.workspaceId, id);
    if (!row) throw new AppError("alert-channel-not-found");
    const next = changed(row, change, services.now().getTime());
    const detail = difference<object>(shown(row), shown(next));
    if (Object.keys(detail).length === 0) return toChannel(row);
    return (await store(services, { key, row, next, detail })) ? toChannel(next) : undefined;
  });
}

interface Change {
  key: KnownKey;
  row: AlertChannelTable;
  next: AlertChannelTable;
  detail: Record<string, unknown>;
}

/** Answers whether it was stored, or was changed meanwhile: by somebody else, or by a delivery that failed. */
async function store(services: Services, { key, row, next, detail }: Change): Promise<boolean> {
  const { db } = services;
  const { workspaceId, id } = row;
  const at = next.updatedAt;
  const auditId = newId(services, "aud");
  const action = "alert_channel.updated";
  try {
    const [updated] = await db.write([
      sql`UPDATE alert_channel SET name = ${next.name}, after_seconds = ${next.afterSeconds}, quiet = ${next.quiet},
          failures_in_row = ${next.failuresInRow}, paused_at = ${next.pausedAt}, paused_because = ${next.pausedBecause},
          updated_at = ${at}
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND name = ${row.name} AND after_seconds = ${row.afterSeconds}
          AND quiet = ${row.quiet} AND failures_in_row = ${row.failuresInRow} AND paused_at IS ${row.pausedAt}`.compile(
        db.kysely,
      ),
      auditStatement(db, { id: auditId, workspaceId, actor: key.id, action, target: id, detail, at }),
    ]);
    return updated.numAffectedRows === 1n;
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id: auditId });
    return true;
  }
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
