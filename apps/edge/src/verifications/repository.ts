import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { VerificationRow } from "./present.ts";
import { foundNoAccount } from "./status.ts";
import { readCurrent, senderOf } from "../messages/sender-of.ts";
import type { Tenant } from "../auth/tenant.ts";

const columns = sql`v.id, v.status, v.mode, v.to_masked, v.country, v.purpose, v.locale, v.template_id, v.code_length, v.bind,
  v.client_binding, v.has_known_code, v.session_id, v.expires_at, v.attempts_left, v.sends_left, v.next_send_at,
  v.message_id, v.metadata, v.test, v.last_check, v.approved_at, v.approved_by, v.token_mac, v.inbound_variant,
  v.received_at, v.to_hash, v.global_hash, v.prefix, v.created_at, v.updated_at, s.phone AS session_phone,
  m.session_id AS message_session_id, m.status AS message_status, m.failure, m.sent_at, m.delivered_at, m.read_at,
  m.no_account_at, m.updated_at AS message_updated_at, ${foundNoAccount("v")} AS is_unreachable, b.locked_until`;

const joined = sql`
  LEFT JOIN message m ON m.id = v.message_id
  LEFT JOIN session s ON s.id = v.session_id
  LEFT JOIN destination_budget b ON b.workspace_id = v.workspace_id AND b.to_hash = v.to_hash`;

/**
 * A verification of the tenant with its latest message and the lock on its destination. `test` is a literal: a partial
 * index compares it, and SQLite would plan the statement again for each value.
 */
export function selectVerification(db: Db, { workspaceId, test }: Tenant, id: string | RawBuilder<unknown>) {
  return sql<VerificationRow>`SELECT ${columns} FROM verification v ${joined}
    WHERE v.id = ${id} AND v.workspace_id = ${workspaceId} AND v.test = ${sql.lit(test)}`.compile(db.kysely);
}

/** The current row. */
export async function findVerification(
  db: Db,
  tenant: Tenant,
  id: string,
  at: number,
): Promise<VerificationRow | undefined> {
  const [row] = await readCurrent(
    db,
    senderOf(tenant).settle(db, tenant.workspaceId, at),
    selectVerification(db, tenant, id),
  );
  return row;
}

/** Verifications by any condition on `v`, newest first. With `byNumber` the condition names hashes of numbers. */
export function selectVerifications(
  db: Db,
  { workspaceId, test }: Tenant,
  { where, limit, byNumber }: { where: RawBuilder<unknown>; limit: number; byNumber: boolean },
) {
  const index = byNumber ? "verification_to" : test === 1 ? "verification_test" : "verification_workspace";
  // A literal: the index of the sandbox's rows needs it.
  const isTest = sql`v.test = ${sql.lit(test)}`;
  return sql<VerificationRow>`SELECT ${columns} FROM verification v INDEXED BY ${sql.ref(index)} ${joined}
    WHERE v.workspace_id = ${workspaceId} AND ${isTest} AND ${where} ORDER BY v.id DESC LIMIT ${limit}`.compile(
    db.kysely,
  );
}
