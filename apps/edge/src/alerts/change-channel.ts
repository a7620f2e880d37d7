import { type AlertChannel, AppError, type ChangeAlertChannel } from "@sandi/contracts";
import { sql } from "kysely";
import type { Actor } from "../actor.ts";
import type { Context } from "../context.ts";
import { difference } from "../audit/difference.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { changeUntilStored } from "../db/optimistic.ts";
import type { AlertChannelTable } from "../db/schema.ts";
import { refuseBeyond } from "../auth/powers.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";
import { redirect } from "./redirect.ts";
import { channelScopes } from "./orphans.ts";
import { findOwnedChannel, type OwnedChannel, toChannel } from "./repository.ts";

interface Input {
  id: string;
  change: ChangeAlertChannel;
}

/** Changes what a channel is told and where, or pauses it; one that goes on, or elsewhere, starts with no failures. */
export function changeChannel(ctx: Context, { id, change }: Input): Promise<AlertChannel> {
  const { services, actor } = ctx;
  return changeUntilStored("alert channel", async () => {
    const at = services.now().getTime();
    const row = await findOwnedChannel(services.db, actor.workspaceId, { id, at });
    if (!row) throw new AppError("alert-channel-not-found");
    const { environment, ipAllowList } = actor;
    const expiresAt = row.endedBecause === null ? row.ownerExpiresAt : actor.expiresAt;
    refuseBeyond(actor, { environment, scopes: channelScopes, ipAllowList, expiresAt });
    const next = await redirect(services, changed(row, { actor, change, at }), change);
    return (await store(ctx, { row, next })) ? toChannel(next) : undefined;
  });
}

/** Resuming a channel whose key has ended makes it belong to the calling key. */
function changed(
  row: OwnedChannel,
  { actor, change, at }: { actor: Actor; change: ChangeAlertChannel; at: number },
): AlertChannelTable {
  const { name = row.name, afterSeconds = row.afterSeconds, quiet, isPaused } = change;
  const next = {
    ...row,
    name,
    afterSeconds,
    quiet: quiet === undefined ? row.quiet : JSON.stringify(quiet),
    updatedAt: at,
  };
  if (isPaused === undefined || isPaused === (row.pausedAt !== null)) return next;
  if (isPaused) return { ...next, pausedAt: at, pausedBecause: "requested" };
  const createdBy = row.endedBecause === null ? row.createdBy : actor.by.id;
  return { ...next, createdBy, pausedAt: null, pausedBecause: null, failuresInRow: 0 };
}

/** Answers whether it was stored, or was changed meanwhile. */
async function store(
  ctx: Context,
  { row, next }: { row: AlertChannelTable; next: AlertChannelTable },
): Promise<boolean> {
  const { services, actor } = ctx;
  const { db } = services;
  const { id, workspaceId } = row;
  const at = next.updatedAt;
  const detail = {
    ...difference<object>(shown(row), shown(next)),
    ...(next.target === row.target ? {} : { secrets: "replaced" }),
  };
  if (Object.keys(detail).length === 0) {
    next.updatedAt = row.updatedAt;
    return true;
  }
  const failures = next.failuresInRow === row.failuresInRow ? sql.ref("failures_in_row") : next.failuresInRow;
  const auditId = newId(services, "aud");
  try {
    const [updated] = await writeAs(ctx, [
      sql`UPDATE alert_channel SET name = ${next.name}, after_seconds = ${next.afterSeconds}, quiet = ${next.quiet},
          target = ${next.target}, label = ${next.label}, failures_in_row = ${failures}, paused_at = ${next.pausedAt},
          paused_because = ${next.pausedBecause}, created_by = ${next.createdBy}, updated_at = ${at}
        WHERE id = ${id} AND workspace_id = ${workspaceId} AND name = ${row.name} AND after_seconds = ${row.afterSeconds}
          AND quiet = ${row.quiet} AND target = ${row.target} AND paused_at IS ${row.pausedAt}
          AND created_by IS ${row.createdBy}`.compile(db.kysely),
      auditStatement(db, {
        id: auditId,
        workspaceId,
        actor: actor.by.id,
        action: "alert_channel.updated",
        target: id,
        detail,
        at,
      }),
    ]);
    return updated.numAffectedRows === 1n;
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id: auditId });
    return true;
  }
}

/** A channel's properties as the audit log tells them. */
const shown = ({ name, label, afterSeconds, quiet, pausedAt, createdBy }: AlertChannelTable) => ({
  name,
  target: label,
  afterSeconds,
  quiet: JSON.parse(quiet) as unknown,
  isPaused: pausedAt !== null,
  createdBy,
});
