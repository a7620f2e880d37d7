import type { Scope, VerificationStatus } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { VerificationTable } from "../db/tables/verifications.ts";
import { seesAccounts } from "../auth/powers.ts";
import type { Viewer } from "../messages/present.ts";

// A code for a number without a WhatsApp account was never delivered. For keys with `lookup:read` the verification is
// `undeliverable` from then on. For other keys it must look like a phone that is off: they see the stored status, which is
// pending until a request or cron ends it.

/** How a statement calls the verification. */
type Alias = "v" | "o" | "c" | "verification";

/**
 * True in SQL for a verification `v` whose latest message `m` found no account before `v` ended, if no other message with
 * the code was sent. If the code was typed in anyway, because the caller knows it, the verification is approved.
 */
export const foundNoAccountSql = (
  v: Alias,
) => `CASE WHEN m.failure = 'not_on_whatsapp' AND ${v}.status <> 'approved' AND m.no_account_at < ${v}.expires_at
    AND (${v}.status = 'pending' OR m.no_account_at <= ${v}.updated_at)
  THEN NOT EXISTS (SELECT 1 FROM message x WHERE x.verification_id = ${v}.id AND x.id <> m.id
    AND x.status NOT IN ('failed', 'canceled')) ELSE 0 END`;

const foundNoAccount = (v: Alias) => sql.raw<boolean>(foundNoAccountSql(v));

/** True in SQL if the verification is `undeliverable` for a key with these scopes. */
export const isUnreachableTo = (scopes: ReadonlySet<Scope> | undefined, v: Alias): RawBuilder<boolean> =>
  scopes && seesAccounts(scopes)
    ? sql`EXISTS (SELECT 1 FROM message m WHERE m.id = ${sql.raw(v)}.message_id AND ${foundNoAccount(v)})`
    : sql`0`;

/** The status for this viewer. A pending verification that has expired is shown as expired, also before cron stores it. */
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
