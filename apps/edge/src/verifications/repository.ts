import { jsonColumns } from "@sandi/libsql";
import { type RawBuilder, type Selectable, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { EventTable } from "../db/tables/messages.ts";
import type { VerificationRow } from "./present.ts";
import { foundNoAccountSql } from "./status.ts";
import { readCurrent, senderOf } from "../messages/sender-of.ts";
import type { Tenant } from "../auth/tenant.ts";

const columns = jsonColumns<VerificationRow>("verification", {
  id: "v.id",
  status: "v.status",
  mode: "v.mode",
  toMasked: "v.to_masked",
  country: "v.country",
  purpose: "v.purpose",
  locale: "v.locale",
  templateId: "v.template_id",
  codeLength: "v.code_length",
  bind: "v.bind",
  clientBinding: "v.client_binding",
  hasKnownCode: "v.has_known_code",
  sessionId: "v.session_id",
  expiresAt: "v.expires_at",
  attemptsLeft: "v.attempts_left",
  sendsLeft: "v.sends_left",
  nextSendAt: "v.next_send_at",
  messageId: "v.message_id",
  metadata: "v.metadata",
  test: "v.test",
  lastCheck: "v.last_check",
  approvedAt: "v.approved_at",
  approvedBy: "v.approved_by",
  tokenMac: "v.token_mac",
  inboundVariant: "v.inbound_variant",
  receivedAt: "v.received_at",
  toHash: "v.to_hash",
  globalHash: "v.global_hash",
  prefix: "v.prefix",
  createdAt: "v.created_at",
  updatedAt: "v.updated_at",
  sessionPhone: "s.phone",
  messageSessionId: "m.session_id",
  messageStatus: "m.status",
  failure: "m.failure",
  sentAt: "m.sent_at",
  deliveredAt: "m.delivered_at",
  readAt: "m.read_at",
  noAccountAt: "m.no_account_at",
  messageUpdatedAt: "m.updated_at",
  isUnreachable: foundNoAccountSql("v"),
  lockedUntil: "b.locked_until",
});

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

/** Verifications by id, for events about them: those of the sandbox are among them. */
export const selectOfEvents = (db: Db, workspaceId: string, ids: readonly string[]) =>
  sql<VerificationRow>`SELECT ${columns} FROM verification v ${joined}
    WHERE v.id IN (SELECT value FROM json_each(${JSON.stringify(ids)})) AND v.workspace_id = ${workspaceId}`.compile(
    db.kysely,
  );

/** A change that an event notes, by which the values before it are known. */
export type NotedChange = Pick<Selectable<EventTable>, "seq" | "verificationId" | "type" | "data">;

/** The changes of attempts, sends and mode of these verifications. */
export const selectNotedChanges = (db: Db, workspaceId: string, ids: readonly string[]) =>
  sql<NotedChange>`SELECT seq, verification_id, type, data FROM event INDEXED BY event_verification
    WHERE verification_id IN (SELECT value FROM json_each(${JSON.stringify(ids)})) AND workspace_id = ${workspaceId}
      AND type IN ('verification.check_failed', 'verification.resent', 'verification.switched')`.compile(db.kysely);

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
