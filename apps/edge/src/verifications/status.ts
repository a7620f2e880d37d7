import type { Scope, VerificationStatus } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { VerificationTable } from "../db/schema.ts";
import { seesAccounts, type Viewer } from "../messages/present.ts";

// A code for a number without a WhatsApp account was never delivered. Keys with `lookup:read` are told: to them the
// verification is `undeliverable` from then on. To other keys nothing may differ from a number whose phone is off, so
// the stored status stays what they see: pending, then what they or the clock make of it.

/**
 * True in SQL of a verification `v` whose latest message `m` found no account, before `v` ended, while no other message
 * with the code is out. A code that was typed in all the same was known to the caller: that one is approved.
 */
export const foundNoAccount = (v: string) => sql<boolean>`CASE WHEN m.failure = 'not_on_whatsapp'
    AND ${sql.ref(`${v}.status`)} <> 'approved' AND m.no_account_at < ${sql.ref(`${v}.expires_at`)}
    AND (${sql.ref(`${v}.status`)} = 'pending' OR m.no_account_at <= ${sql.ref(`${v}.updated_at`)})
  THEN NOT EXISTS (SELECT 1 FROM message o WHERE o.verification_id = ${sql.ref(`${v}.id`)} AND o.id <> m.id
    AND o.status NOT IN ('failed', 'canceled')) ELSE 0 END`;

/** True in SQL when this verification is `undeliverable` to a key with these scopes, and pending or ended to others. */
export const isUnreachableTo = (scopes: ReadonlySet<Scope> | undefined, v: string): RawBuilder<boolean> =>
  scopes && seesAccounts(scopes)
    ? sql`EXISTS (SELECT 1 FROM message m WHERE m.id = ${sql.ref(`${v}.message_id`)} AND ${foundNoAccount(v)})`
    : sql`0`;

/** The status as this viewer sees it. Expiry is a matter of the clock; the sweep only writes it down. */
export function statusOf(
  { status, expiresAt, isUnreachable }: Pick<VerificationTable, "status" | "expiresAt"> & { isUnreachable: 0 | 1 },
  { now, scopes }: Viewer,
): VerificationStatus {
  if (isUnreachable === 1 && seesAccounts(scopes)) return "undeliverable";
  return status === "pending" && expiresAt <= now ? "expired" : status;
}

/** `statusOf` as a condition in SQL on `v`, joined with its latest message `m`. */
export function hasStatus(status: VerificationStatus, { now, scopes }: Viewer): RawBuilder<boolean> {
  const stored =
    status === "expired"
      ? sql<boolean>`(v.status = 'expired' OR (v.status = 'pending' AND v.expires_at <= ${now}))`
      : status === "pending"
        ? sql<boolean>`(v.status = 'pending' AND v.expires_at > ${now})`
        : sql<boolean>`v.status = ${status}`;
  if (!seesAccounts(scopes)) return stored;
  return status === "undeliverable"
    ? sql`(${stored} OR ${foundNoAccount("v")})`
    : sql`(${stored} AND NOT ${foundNoAccount("v")})`;
}
