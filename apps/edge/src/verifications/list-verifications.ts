import type { SearchVerifications, Verification } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { type RawBuilder, sql } from "kysely";
import type { Context } from "../context.ts";
import { formerHashes } from "../access-rules/former-hashes.ts";
import { readPhone } from "../phone.ts";
import { hashScope, tenantOf } from "../auth/tenant.ts";
import { toVerification } from "./present.ts";
import { selectVerifications } from "./repository.ts";
import { hasStatus } from "./status.ts";
import { readCurrent } from "../messages/sender-of.ts";

/** The matching verifications, newest first. */
export async function listVerifications(ctx: Context, query: SearchVerifications): Promise<Verification[]> {
  const { actor } = ctx;
  const { db, phoneKey, now } = ctx.services;
  const tenant = tenantOf(actor);
  const at = now().getTime();
  const select = selectVerifications(db, tenant, {
    where: sql.join(await conditions(), sql` AND `),
    limit: query.limit,
    byNumber: query.to !== undefined,
  });
  const rows = await readCurrent(db, tenant, { select, at });
  return rows.map((row) => toVerification(row, { now: at, scopes: actor.scopes }));

  async function conditions(): Promise<RawBuilder<unknown>[]> {
    const { status, to, purpose, mode, country, sessionId, test, createdAfter, createdBefore, cursor } = query;
    const all: RawBuilder<unknown>[] = [sql`true`];
    if (status) all.push(hasStatus(status, { now: at, scopes: actor.scopes }));
    if (to !== undefined) {
      const { e164 } = readPhone(actor, to, "/to");
      const scope = hashScope(tenant);
      const hashes = [await phoneHash(phoneKey, scope, e164), ...(await formerHashes(phoneKey, scope, e164))];
      all.push(sql`v.to_hash IN (${sql.join(hashes)})`);
    }
    if (purpose) all.push(sql`v.purpose = ${purpose}`);
    if (mode) all.push(sql`v.mode = ${mode}`);
    if (country) all.push(sql`v.country = ${country}`);
    if (sessionId) all.push(sql`v.session_id = ${sessionId}`);
    if (test !== undefined) all.push(sql`v.test = ${test ? 1 : 0}`);
    if (createdAfter) all.push(sql`v.created_at > ${Date.parse(createdAfter)}`);
    if (createdBefore) all.push(sql`v.created_at < ${Date.parse(createdBefore)}`);
    if (cursor) all.push(sql`v.id < ${cursor}`);
    return all;
  }
}
