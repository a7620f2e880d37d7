import { AppError, type CreateApiKey, type CreatedApiKey } from "@sandi/contracts";
import { generateApiKey } from "@sandi/crypto";
import { sql } from "kysely";
import { auditStatement, type AuditEntry, isNotWithdrawn, withdrawn } from "../audit/statement.ts";
import { recover } from "../db/lost-writes.ts";
import type { Db, KnownKey } from "../db/schema.ts";
import {
  type Accepted,
  type Earlier,
  forgetRepetition,
  idempotencyTtlMs,
  noteRepetition,
  notAnswered,
  notRepeated,
  type Repetition,
  selectEarlier,
} from "../http/idempotency.ts";
import { isoOrNull } from "../messages/present.ts";
import { newId, type Services } from "../services.ts";
import { answerKey, replayKey } from "./answer.ts";
import { expiryOf, noLonger, ordered, refuseBeyond, refuseLonger, refuseUnreadable, stillMay } from "./authority.ts";
import { type ApiKeyRow, liveKeys, selectKeys } from "./repository.ts";

interface Input {
  key: KnownKey;
  input: CreateApiKey;
  repetition: Repetition | undefined;
}

/** So many keys that work may a workspace have. */
export const keyLimit = 100;

/** Makes an API key that may do no more than the calling one. It is answered this once: only its hash is stored. */
export async function createKey(
  services: Services,
  { key, input, repetition }: Input,
  limit = keyLimit,
): Promise<Accepted<CreatedApiKey>> {
  const { db, random } = services;
  const { workspaceId } = key;
  const { name, environment, ipAllowList } = input;
  const at = services.now().getTime();
  const scopes = ordered(input.scopes);
  const expiresAt = input.expiresAt === undefined ? key.expiresAt : expiryOf(input.expiresAt, at);
  refuseBeyond(key, { scopes, environment });
  refuseLonger(key, expiresAt);
  refuseUnreadable(ipAllowList);

  const { key: secret, hash, prefix } = await generateApiKey(environment, random);
  const id = newId(services, "key");
  const detail = { name, environment, scopes, ipAllowList, expiresAt: isoOrNull(expiresAt) };
  const auditId = newId(services, "aud");
  const entry: AuditEntry = { id: auditId, workspaceId, actor: key.id, action: "key.created", target: id, detail, at };
  const since = at - idempotencyTtlMs;
  const may = stillMay(key, { scopes, at });
  const statements = [
    selectEarlier(db, workspaceId, repetition, since),
    sql<{ may: number }>`SELECT ${may} AS may`.compile(db.kysely),
    sql`INSERT INTO api_key (id, workspace_id, name, hash, prefix, environment, scopes, ip_allow_list, expires_at, created_at)
      SELECT ${id}, ${workspaceId}, ${name}, ${hash}, ${prefix}, ${environment}, ${JSON.stringify(scopes)},
        ${JSON.stringify(ipAllowList)}, ${expiresAt}, ${at}
      WHERE ${notRepeated(workspaceId, repetition, since)} AND ${limit} > ${liveKeys(workspaceId, at)} AND ${may}
        AND ${isNotWithdrawn(auditId)}`.compile(db.kysely),
    auditStatement(db, entry),
    ...noteRepetition(db, workspaceId, { repetition, made: sql`SELECT id FROM api_key WHERE id = ${id}`, at }),
    selectKeys(db, workspaceId).where("id", "=", id),
  ] as const;

  let earlier: Earlier | undefined;
  let isAllowed = true;
  let row: ApiKeyRow | undefined;
  try {
    const results = await db.write(statements);
    earlier = results[0].rows[0];
    isAllowed = results[1].rows[0]?.may === 1;
    row = results.at(-1)?.rows[0] as ApiKeyRow | undefined;
  } catch (error) {
    row = await recover(services, error, remedy(db, { entry, repetition }));
  }
  if (earlier) return replayKey(services, workspaceId, { earlier, repetition });
  if (!isAllowed) throw noLonger();
  if (!row) {
    const most = `A workspace has at most ${limit} keys that work; revoke one that is not needed.`;
    throw new AppError("key-limit-reached", { detail: most });
  }
  return answerKey(services, workspaceId, { row, secret, repetition });
}

/** The entry's id is taken away, without which no key is made, or the key that has landed is deleted again. */
function remedy(db: Db, { entry, repetition }: { entry: AuditEntry; repetition: Repetition | undefined }) {
  const { workspaceId, target, at } = entry;
  const taken = withdrawn({ ...entry, action: "key.not_created" });
  return {
    settle: async () => {
      const [, { rows }] = await db.write([
        sql`${taken} DO NOTHING`.compile(db.kysely),
        selectKeys(db, workspaceId).where("id", "=", target),
      ]);
      return rows[0];
    },
    withdraw: () => {
      const isUnknown = notAnswered(workspaceId, repetition);
      return db.write([
        sql`${taken} DO UPDATE SET action = excluded.action WHERE ${isUnknown}`.compile(db.kysely),
        sql`DELETE FROM api_key WHERE id = ${target} AND workspace_id = ${workspaceId} AND ${isUnknown}`.compile(
          db.kysely,
        ),
        ...forgetRepetition(db, workspaceId, { repetition, at }),
      ]);
    },
  };
}
