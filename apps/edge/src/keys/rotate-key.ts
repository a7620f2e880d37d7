import { AppError, type CreatedApiKey } from "@sandi/contracts";
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
import { newId, type Services } from "../services.ts";
import { answerKey, replayKey } from "./answer.ts";
import { noLonger, refuseBeyond, refuseEnded, refuseLonger, stillMay } from "./authority.ts";
import { forgetKeys } from "./cache.ts";
import { keyLimit } from "./create-key.ts";
import { type ApiKeyRow, findApiKey, liveKeys, selectKeys, toApiKey } from "./repository.ts";

interface Input {
  key: KnownKey;
  id: string;
  graceSeconds: number;
  repetition: Repetition | undefined;
}

/** Those in their grace are no reason to refuse a rotation, unless they are as many again. */
const rotationLimit = 2 * keyLimit;

/** Makes a key with the properties of another, which works until its grace ends. */
export async function rotateKey(
  services: Services,
  { key, id: oldId, graceSeconds, repetition }: Input,
  limit = rotationLimit,
): Promise<Accepted<CreatedApiKey>> {
  const { db, random } = services;
  const { workspaceId } = key;
  const at = services.now().getTime();
  const since = at - idempotencyTtlMs;
  const old = await findApiKey(db, workspaceId, oldId);
  if (!old) throw new AppError("key-not-found");
  const repeated = await db.kysely.executeQuery(selectEarlier(db, workspaceId, repetition, since));
  if (repeated.rows[0]) return replayKey(services, workspaceId, { earlier: repeated.rows[0], repetition });
  const { scopes } = toApiKey(old);
  refuseBeyond(key, { scopes, environment: old.environment });
  refuseLonger(key, old.expiresAt);
  refuseEnded(old, at);

  const { key: secret, hash, prefix } = await generateApiKey(old.environment, random);
  const id = newId(services, "key");
  const graceEnds = Math.min(at + graceSeconds * 1000, old.expiresAt ?? Infinity);
  const auditId = newId(services, "aud");
  const detail = { replacedBy: id, graceSeconds };
  const entry: AuditEntry = {
    id: auditId,
    workspaceId,
    actor: key.id,
    action: "key.rotated",
    target: oldId,
    detail,
    at,
  };
  const may = stillMay(key, { scopes, at });
  const statements = [
    selectEarlier(db, workspaceId, repetition, since),
    sql<{ may: number }>`SELECT ${may} AS may`.compile(db.kysely),
    sql`INSERT INTO api_key (id, workspace_id, name, hash, prefix, environment, scopes, ip_allow_list, expires_at, created_at)
      SELECT ${id}, workspace_id, name, ${hash}, ${prefix}, environment, scopes, ip_allow_list, expires_at, ${at}
      FROM api_key WHERE workspace_id = ${workspaceId} AND ${isAsRead(old)}
        AND ${notRepeated(workspaceId, repetition, since)} AND ${limit} > ${liveKeys(workspaceId, at)} AND ${may}
        AND ${isNotWithdrawn(auditId)}`.compile(db.kysely),
    auditStatement(db, entry),
    sql`UPDATE api_key SET replaced_by = ${id}, expires_at = ${graceEnds}
      WHERE id = ${oldId} AND workspace_id = ${workspaceId} AND changes() > 0`.compile(db.kysely),
    ...noteRepetition(db, workspaceId, { repetition, made: sql`SELECT id FROM api_key WHERE id = ${id}`, at }),
    sql<{ live: number }>`SELECT ${liveKeys(workspaceId, at)} AS live`.compile(db.kysely),
    selectKeys(db, workspaceId).where("id", "=", id),
  ] as const;

  let earlier: Earlier | undefined;
  let isAllowed = true;
  let live = 0;
  let row: ApiKeyRow | undefined;
  try {
    const results = await db.write(statements);
    earlier = results[0].rows[0];
    isAllowed = results[1].rows[0]?.may === 1;
    live = (results.at(-2)?.rows[0] as { live: number } | undefined)?.live ?? 0;
    row = results.at(-1)?.rows[0] as ApiKeyRow | undefined;
  } catch (error) {
    row = await recover(services, error, remedy(db, { entry, id, old, repetition }));
  } finally {
    forgetKeys(services, { id: oldId });
  }
  if (earlier) return replayKey(services, workspaceId, { earlier, repetition });
  if (!isAllowed) throw noLonger();
  if (!row && live >= limit) {
    throw new AppError("key-limit-reached", {
      detail: `A workspace has at most ${limit} keys, rotated ones included.`,
    });
  }
  if (!row) throw new AppError("key-ended", { detail: "The key was changed a moment ago; look at it again." });
  return answerKey(services, workspaceId, { row, secret, repetition });
}

/** In SQL the row of `api_key` as long as it is what the decision was made on. */
const isAsRead = ({ id, scopes, expiresAt }: ApiKeyRow) =>
  sql<boolean>`(id = ${id} AND scopes = ${scopes} AND expires_at IS ${expiresAt} AND revoked_at IS NULL
    AND replaced_by IS NULL)`;

interface Lost {
  entry: AuditEntry;
  id: string;
  old: ApiKeyRow;
  repetition: Repetition | undefined;
}

/** As for a new key; the old one is what it was. */
function remedy(db: Db, { entry, id, old, repetition }: Lost) {
  const { workspaceId, at } = entry;
  const taken = withdrawn({ ...entry, action: "key.not_rotated" });
  return {
    settle: async () => {
      const [, { rows }] = await db.write([
        sql`${taken} DO NOTHING`.compile(db.kysely),
        selectKeys(db, workspaceId).where("id", "=", id),
      ]);
      return rows[0];
    },
    withdraw: () => {
      const isUnknown = notAnswered(workspaceId, repetition);
      return db.write([
        sql`${taken} DO UPDATE SET action = excluded.action WHERE ${isUnknown}`.compile(db.kysely),
        sql`UPDATE api_key SET replaced_by = NULL, expires_at = ${old.expiresAt}
          WHERE id = ${old.id} AND workspace_id = ${workspaceId} AND replaced_by = ${id} AND ${isUnknown}`.compile(
          db.kysely,
        ),
        sql`DELETE FROM api_key WHERE id = ${id} AND workspace_id = ${workspaceId} AND ${isUnknown}`.compile(db.kysely),
        ...forgetRepetition(db, workspaceId, { repetition, at }),
      ]);
    },
  };
}
