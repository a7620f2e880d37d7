import { AppError, type CreatedApiKey } from "@sandi/contracts";
import { generateApiKey } from "@sandi/crypto";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { auditStatement } from "../audit/statement.ts";
import {
  type Accepted,
  idempotencyTtlMs,
  type IdempotencyKey,
  selectStoredResponse,
} from "../http/idempotency/create.ts";
import { dropCachedKeys } from "../auth/cache.ts";
import { newId } from "../services.ts";
import { createOnce } from "../writes/create-once.ts";
import { answering, replayKey } from "./answer.ts";
import { powersOf, requireWorkingKey } from "./authority.ts";
import { requirePowersWithin } from "../auth/powers.ts";
import { mostKeys } from "./create-key.ts";
import { moveOwned } from "../auth/owner.ts";
import { type ApiKeyRow } from "../auth/calling-key.ts";
import { findApiKey, liveKeys } from "./repository.ts";

interface Input {
  id: string;
  graceSeconds: number;
  idempotencyKey: IdempotencyKey | undefined;
}

/** Replaced keys in their grace period still work, so rotations may exceed the normal limit. */
const rotationLimit = 2 * mostKeys;

/** Replaces a key by a new one with the same properties, hooks and channels. The old key works for a grace period. */
export async function rotateKey(
  ctx: Context,
  { id: oldId, graceSeconds, idempotencyKey }: Input,
  limit = rotationLimit,
): Promise<Accepted<CreatedApiKey>> {
  const { services, actor } = ctx;
  const { db, random } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const old = await findApiKey(db, workspaceId, oldId);
  if (!old) throw new AppError("key-not-found");
  const repeated = await db.kysely.executeQuery(
    selectStoredResponse(db, workspaceId, idempotencyKey, at - idempotencyTtlMs),
  );
  if (repeated.rows[0]) return replayKey(services, workspaceId, { earlier: repeated.rows[0], idempotencyKey });
  requirePowersWithin(actor, powersOf(old));
  requireWorkingKey(old, at);

  const { key: secret, hash, prefix } = await generateApiKey(old.environment, random);
  const id = newId(services, "key");
  const graceEnds = Math.min(at + graceSeconds * 1000, old.expiresAt ?? Infinity);
  const auditId = newId(services, "aud");
  const isReplaced = sql<boolean>`EXISTS (SELECT 1 FROM api_key WHERE id = ${oldId} AND replaced_by = ${id})`;
  try {
    return await createOnce(services, workspaceId, {
      ...answering(db, workspaceId, secret),
      caller: ctx,
      id,
      at,
      idempotencyKey,
      writes: (isFirst) => [
        sql`UPDATE api_key SET replaced_by = ${id}, expires_at = ${graceEnds}
          WHERE workspace_id = ${workspaceId} AND ${isAsRead(old)} AND ${isFirst}
            AND ${limit} > ${liveKeys(workspaceId, at)}`,
        sql`INSERT INTO api_key (id, workspace_id, name, hash, prefix, environment, scopes, ip_allow_list, expires_at, created_at)
          SELECT ${id}, workspace_id, name, ${hash}, ${prefix}, environment, scopes, ip_allow_list, ${old.expiresAt}, ${at}
          FROM api_key WHERE id = ${oldId} AND ${isReplaced}`,
        moveOwned(db, workspaceId, { from: oldId, to: id, when: isReplaced }),
        auditStatement(db, {
          id: auditId,
          workspaceId,
          actor: actor.by.id,
          action: "key.rotated",
          target: oldId,
          detail: { replacedBy: id, graceSeconds },
          at,
          when: isReplaced,
        }),
      ],
      // Restores the old key.
      undo: () => [
        moveOwned(db, workspaceId, { from: id, to: oldId, when: isReplaced }),
        sql`UPDATE api_key SET replaced_by = NULL, expires_at = ${old.expiresAt}
          WHERE workspace_id = ${workspaceId} AND id = ${oldId} AND ${isReplaced}`,
        sql`DELETE FROM api_key WHERE id = ${id} AND workspace_id = ${workspaceId}`,
        sql`UPDATE audit SET action = 'key.not_rotated' WHERE id = ${auditId}`,
      ],
      facts: { count: sql<{ live: number }>`SELECT ${liveKeys(workspaceId, at)} AS live` },
      refuse: ({ count: [count] }) => {
        if ((count?.live ?? 0) < limit) {
          return new AppError("key-ended", {
            detail: "Another request changed the key at the same time. Read the key again.",
          });
        }
        return new AppError("key-limit-reached", {
          detail: `A workspace has at most ${limit} keys, rotated ones included.`,
        });
      },
    });
  } finally {
    dropCachedKeys(services, { id: oldId });
  }
}

/** In SQL the row of `api_key` as long as it is what the decision was made on. */
const isAsRead = ({ id, scopes, ipAllowList, expiresAt }: ApiKeyRow) =>
  sql<boolean>`(id = ${id} AND scopes = ${scopes} AND ip_allow_list = ${ipAllowList} AND expires_at IS ${expiresAt} AND revoked_at IS NULL
    AND replaced_by IS NULL)`;
