import { type ApiKey, AppError, type ChangeApiKey, type Scope } from "@sandi/contracts";
import { sql } from "kysely";
import { expiryOf } from "../expiry.ts";
import type { Actor } from "../actor.ts";
import type { Context } from "../context.ts";
import { difference } from "../audit/difference.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { changeUntilStored } from "../db/optimistic.ts";
import { newId } from "../services.ts";
import { isAmong } from "../addresses.ts";
import { pauseOrphans } from "../alerts/orphans.ts";
import { ordered, powersOf, refuseEnded, refuseUnreadable } from "./authority.ts";
import { refuseBeyond } from "../auth/powers.ts";
import { forgetKeys } from "../auth/cache.ts";
import { type ApiKeyRow } from "../auth/calling-key.ts";
import { findApiKey, toApiKey } from "./repository.ts";
import { refuseLastManager, writeAs } from "../auth/write-as.ts";

interface Input {
  id: string;
  change: ChangeApiKey;
  /** Where the request comes from. */
  address: string;
}

type Properties = Pick<ApiKeyRow, "name" | "expiresAt"> & { scopes: Scope[]; ipAllowList: readonly string[] };

/** Changes a key's properties; the other isolates see it within a minute. */
export async function changeKey(ctx: Context, { id, change, address }: Input): Promise<ApiKey> {
  const { services, actor } = ctx;
  refuseUnreadable(change.ipAllowList ?? []);
  return changeUntilStored("key", async () => {
    const row = await findApiKey(services.db, actor.workspaceId, id);
    if (!row) throw new AppError("key-not-found");
    const stored = await store(ctx, {
      row,
      address,
      next: decide(actor, row, { change, at: services.now().getTime() }),
    });
    return stored && toApiKey(stored);
  });
}

function decide(actor: Actor, row: ApiKeyRow, { change, at }: { change: ChangeApiKey; at: number }): Properties {
  const { scopes, ipAllowList } = toApiKey(row);
  refuseBeyond(actor, powersOf(row));
  refuseEnded(row, at);
  const expiresAt = change.expiresAt === undefined ? row.expiresAt : expiryOf(change.expiresAt, at);
  const next = {
    name: change.name ?? row.name,
    scopes: ordered(change.scopes ?? scopes),
    ipAllowList: change.ipAllowList ?? ipAllowList,
    expiresAt,
  };
  refuseBeyond(actor, { environment: row.environment, ...next });
  return next;
}

/** Answers the row, or nothing when it was changed meanwhile. */
async function store(
  ctx: Context,
  { row, next, address }: Pick<Input, "address"> & { row: ApiKeyRow; next: Properties },
): Promise<ApiKeyRow | undefined> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const scopes = JSON.stringify(next.scopes);
  const ipAllowList = JSON.stringify(next.ipAllowList);
  const { name, expiresAt } = next;
  const detail = difference<object>(shown(row), shown({ ...row, name, scopes, ipAllowList, expiresAt }));
  if (Object.keys(detail).length === 0) return row;
  const isOutOfReach = row.id === actor.by.id && next.ipAllowList.length > 0 && !isAmong(address, next.ipAllowList);
  const auditId = newId(services, "aud");
  try {
    const [changed] = await writeAs(ctx, [
      sql<ApiKeyRow>`UPDATE api_key SET name = ${name}, scopes = ${scopes}, ip_allow_list = ${ipAllowList},
          expires_at = ${expiresAt}
        WHERE id = ${row.id} AND workspace_id = ${workspaceId} AND revoked_at IS NULL AND replaced_by IS NULL
          AND name = ${row.name} AND scopes = ${row.scopes} AND ip_allow_list = ${row.ipAllowList}
          AND expires_at IS ${row.expiresAt} RETURNING *`.compile(db.kysely),
      auditStatement(db, {
        id: auditId,
        workspaceId,
        actor: actor.by.id,
        action: "key.updated",
        target: row.id,
        detail,
        at,
      }),
      pauseOrphans(db, { workspaceId, at }),
      ...refuseLastManager(db, row, { at, isOutOfReach }),
    ]);
    return changed.rows[0];
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id: auditId });
    return { ...row, name, scopes, ipAllowList, expiresAt };
  } finally {
    forgetKeys(services, { id: row.id });
  }
}

/** A key's properties as the audit log tells them. */
function shown(row: ApiKeyRow) {
  const { name, scopes, ipAllowList, expiresAt } = toApiKey(row);
  return { name, scopes, ipAllowList, expiresAt };
}
