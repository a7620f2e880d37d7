import { type ApiKey, type ChangeApiKey } from "@sandi/contracts";
import { pauseOrphans } from "../alerts/channel-incidents.ts";
import { difference } from "../audit/difference.ts";
import type { Context } from "../context.ts";
import { isAmong } from "../addresses.ts";
import { dropCachedKeys } from "../auth/cache.ts";
import { changeRow } from "../writes/change-row.ts";
import { expiryOf } from "../expiry.ts";
import { ordered, powersOf, requireWorkingKey, validateIpList } from "./authority.ts";
import { requirePowersWithin } from "../auth/powers.ts";
import { refuseLastManager } from "./last-manager.ts";
import { type ApiKeyRow } from "../auth/calling-key.ts";
import { findApiKey, toApiKey } from "./repository.ts";

interface Input {
  id: string;
  change: ChangeApiKey;
  /** The caller's address. */
  address: string;
}

/** Changes a key's properties. Other isolates use the change within a minute. */
export async function changeKey(ctx: Context, { id, change, address }: Input): Promise<ApiKey> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  validateIpList(change.ipAllowList ?? []);
  try {
    const row = await changeRow<ApiKeyRow>(ctx, {
      table: "apiKey",
      name: "key",
      find: () => findApiKey(db, workspaceId, id),
      missing: "key-not-found",
      columns: ["name", "scopes", "ipAllowList", "expiresAt", "revokedAt", "replacedBy"],
      decide(before, at) {
        requirePowersWithin(actor, powersOf(before));
        requireWorkingKey(before, at);
        const after = changed(before, change, at);
        requirePowersWithin(actor, powersOf(after));
        return after;
      },
      action: "key.updated",
      detail: (before, after) => difference<object>(shown(before), shown(after)),
      also(before, after, at) {
        const { ipAllowList } = powersOf(after);
        const isOutOfReach = id === actor.by.id && ipAllowList.length > 0 && !isAmong(address, ipAllowList);
        return [pauseOrphans(db, { workspaceId, at }), refuseLastManager(before, { at, isOutOfReach })];
      },
    });
    return toApiKey(row);
  } finally {
    dropCachedKeys(services, { id });
  }
}

function changed(row: ApiKeyRow, { name, scopes, ipAllowList, expiresAt }: ChangeApiKey, at: number): ApiKeyRow {
  const now = toApiKey(row);
  return {
    ...row,
    name: name ?? row.name,
    scopes: JSON.stringify(ordered(scopes ?? now.scopes)),
    ipAllowList: JSON.stringify(ipAllowList ?? now.ipAllowList),
    expiresAt: expiresAt === undefined ? row.expiresAt : expiryOf(expiresAt, at),
  };
}

/** A key's properties in the audit log. */
function shown(row: ApiKeyRow) {
  const { name, scopes, ipAllowList, expiresAt } = toApiKey(row);
  return { name, scopes, ipAllowList, expiresAt };
}
