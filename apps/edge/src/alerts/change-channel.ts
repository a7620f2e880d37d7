import type { AlertChannel, ChangeAlertChannel } from "@sandi/contracts";
import type { Actor } from "../actor.ts";
import { difference } from "../audit/difference.ts";
import type { Context } from "../context.ts";
import type { EndpointTable } from "../db/tables/deliveries.ts";
import { requirePowersWithin } from "../auth/powers.ts";
import { changeRow } from "../writes/change-row.ts";
import { endpointScopes } from "../outbound/orphans.ts";
import { reportResumed } from "./channel-incidents.ts";
import { changeTarget } from "./change-target.ts";
import { findOwnedChannel, type OwnedChannel, settingsOf, storedSettings, toChannel } from "./repository.ts";

interface Input {
  id: string;
  change: ChangeAlertChannel;
}

/** Changes a channel's incidents or target, or pauses it. A resumed or redirected channel starts with no failures. */
export async function changeChannel(ctx: Context, { id, change }: Input): Promise<AlertChannel> {
  const { services, actor } = ctx;
  const row = await changeRow<OwnedChannel>(ctx, {
    table: "endpoint",
    name: "alert channel",
    find: (at) => findOwnedChannel(services.db, actor.workspaceId, { id, at }),
    missing: "alert-channel-not-found",
    columns: ["name", "settings", "target", "label", "failuresInRow", "pausedAt", "pausedBecause", "createdBy"],
    async decide(before, at) {
      const { environment, ipAllowList } = actor;
      const expiresAt = before.endedBecause === null ? before.ownerExpiresAt : actor.expiresAt;
      requirePowersWithin(actor, { environment, scopes: endpointScopes, ipAllowList, expiresAt });
      return { ...before, ...(await changeTarget(services, changed(before, { actor, change, at }), change)) };
    },
    also: (before, after, at) =>
      before.pausedAt !== null && after.pausedAt === null
        ? [reportResumed(services.db, { endpointId: after.id, at })]
        : [],
    action: "alert_channel.updated",
    detail: (before, after) => ({
      ...difference<object>(shown(before), shown(after)),
      ...(after.target === before.target ? {} : { secrets: "replaced" }),
    }),
  });
  return toChannel(row);
}

/** A key that resumes a channel whose own key has ended becomes the channel's key. */
function changed(
  row: OwnedChannel,
  { actor, change, at }: { actor: Actor; change: ChangeAlertChannel; at: number },
): EndpointTable {
  const { name = row.name, isPaused } = change;
  const present = settingsOf(row);
  const { afterSeconds = present.afterSeconds, mutedKinds = present.mutedKinds } = change;
  const next = { ...row, name, settings: storedSettings({ afterSeconds, mutedKinds }) };
  if (isPaused === undefined || isPaused === (row.pausedAt !== null)) return next;
  if (isPaused) return { ...next, pausedAt: at, pausedBecause: "requested" };
  const createdBy = row.endedBecause === null ? row.createdBy : actor.by.id;
  return { ...next, createdBy, pausedAt: null, pausedBecause: null, failuresInRow: 0 };
}

/** A channel's properties in the audit log. */
const shown = (row: EndpointTable) => ({
  name: row.name,
  target: row.label,
  ...settingsOf(row),
  isPaused: row.pausedAt !== null,
  createdBy: row.createdBy,
});
