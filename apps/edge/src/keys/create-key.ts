import { AppError, type CreateApiKey, type CreatedApiKey } from "@sandi/contracts";
import { generateApiKey } from "@sandi/crypto";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { isoOrNull } from "../time.ts";
import { newId } from "../services.ts";
import { createAudited } from "../writes/create-audited.ts";
import { answering } from "./answer.ts";
import { expiryOf } from "../expiry.ts";
import { ordered, validateIpList } from "./authority.ts";
import { requirePowersWithin } from "../auth/powers.ts";
import { liveKeys } from "./repository.ts";

interface Input {
  input: CreateApiKey;
  idempotencyKey: IdempotencyKey | undefined;
}

/** The limit of working keys in a workspace. */
export const mostKeys = 100;

/** Creates an API key that may do no more than the calling key. Only its hash is stored, so the key is shown once. */
export async function createKey(
  ctx: Context,
  { input, idempotencyKey }: Input,
  limit = mostKeys,
): Promise<Accepted<CreatedApiKey>> {
  const { services, actor } = ctx;
  const { db, random } = services;
  const { workspaceId } = actor;
  const { name, environment, ipAllowList } = input;
  const at = services.now().getTime();
  const scopes = ordered(input.scopes);
  const expiresAt = input.expiresAt === undefined ? actor.expiresAt : expiryOf(input.expiresAt, at);
  validateIpList(ipAllowList);
  requirePowersWithin(actor, { environment, scopes, ipAllowList, expiresAt });

  const { key: secret, hash, prefix } = await generateApiKey(environment, random);
  const id = newId(services, "key");
  const detail = { name, environment, scopes, ipAllowList, expiresAt: isoOrNull(expiresAt) };
  return createAudited(ctx, {
    kind: "key",
    detail,
    limit,
    count: liveKeys(workspaceId, at),
    ...answering(db, workspaceId, secret),
    id,
    at,
    idempotencyKey,
    writes: (mayInsert) =>
      sql`INSERT INTO api_key (id, workspace_id, name, hash, prefix, environment, scopes, ip_allow_list, expires_at, created_at)
        SELECT ${id}, ${workspaceId}, ${name}, ${hash}, ${prefix}, ${environment}, ${JSON.stringify(scopes)},
          ${JSON.stringify(ipAllowList)}, ${expiresAt}, ${at}
        WHERE ${mayInsert}`,
    refuse: () =>
      new AppError("key-limit-reached", {
        detail: `A workspace has at most ${limit} working keys. Revoke a key that you do not need.`,
      }),
  });
}
