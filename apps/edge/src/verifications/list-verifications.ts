import { createId, type SearchVerifications, type Verification } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { type RawBuilder, sql } from "kysely";
import type { Context } from "../context.ts";
import { formerHashes } from "../access-rules/former-hashes.ts";
import { type Found, windowOf } from "../page-window.ts";
import { readPhone } from "../phone.ts";
import { hashScope, tenantOf } from "../auth/tenant.ts";
import { toVerification } from "./present.ts";
import { selectVerifications } from "./repository.ts";
import { hasStatus } from "./status.ts";
import { senderOf } from "../messages/sender-of.ts";

/** A verification expires at most this long after its creation: see `expiresIn`. */
const longestLifeMs = 600_000;
/** The time in an id and `created_at` are read from the clock one after the other. */
const idSlackMs = 1_000;

/** The matching verifications, newest first. */
export async function listVerifications(ctx: Context, query: SearchVerifications): Promise<Found<Verification>> {
  const { actor } = ctx;
  const { db, phoneKey, now } = ctx.services;
  const tenant = tenantOf(actor);
  const at = now().getTime();
  const window = windowOf({ table: "verification", tenant, ...idsOf(query, at) });
  const byNumber = query.to !== undefined;
  const queries = {
    settled: senderOf(tenant).settle(db, tenant.workspaceId, at),
    rows: selectVerifications(db, tenant, {
      where: sql.join(await conditions(), sql` AND `),
      limit: query.limit,
      byNumber,
    }),
    // One number has few verifications: its pages look at all of them.
    floor: byNumber ? [] : [window.floor],
  };
  const { rows, floor } = await (queries.settled.length === 0 ? db.read(queries) : db.write(queries));
  return {
    items: rows.rows.map((row) => toVerification(row, { now: at, scopes: actor.scopes })),
    continueAt: floor[0]?.rows[0]?.id,
  };

  async function conditions(): Promise<RawBuilder<unknown>[]> {
    const { status, to, purpose, mode, country, sessionId, test, createdAfter, createdBefore, cursor } = query;
    const all: RawBuilder<unknown>[] = [];
    if (status) all.push(hasStatus(status, { now: at, scopes: actor.scopes }));
    if (to === undefined) {
      all.push(window.has(sql`v.id`));
    } else {
      const { e164 } = readPhone(actor, to, "/to");
      const scope = hashScope(tenant);
      const hashes = [await phoneHash(phoneKey, scope, e164), ...(await formerHashes(phoneKey, scope, e164))];
      all.push(sql`v.to_hash IN (${sql.join(hashes)})`);
      if (cursor) all.push(sql`v.id < ${cursor}`);
    }
    if (purpose) all.push(sql`v.purpose = ${purpose}`);
    if (mode) all.push(sql`v.mode = ${mode}`);
    if (country) all.push(sql`v.country = ${country}`);
    if (sessionId) all.push(sql`v.session_id = ${sessionId}`);
    if (test !== undefined) all.push(sql`v.test = ${test ? 1 : 0}`);
    if (createdAfter) all.push(sql`v.created_at > ${Date.parse(createdAfter)}`);
    if (createdBefore) all.push(sql`v.created_at < ${Date.parse(createdBefore)}`);
    return all;
  }
}

/** The ids that can match: they sort by time. */
function idsOf({ status, createdAfter, createdBefore, cursor }: SearchVerifications, at: number) {
  const after = createdAfter === undefined ? 0 : Date.parse(createdAfter) - idSlackMs;
  const from = status === "pending" ? Math.max(after, at - longestLifeMs - idSlackMs) : after;
  const before = createdBefore === undefined ? "ver_~" : idAt(Date.parse(createdBefore) + idSlackMs);
  return { from: idAt(Math.max(0, from)), before: cursor !== undefined && cursor < before ? cursor : before };
}

const idAt = (ms: number) => createId("ver", new Date(ms), new Uint8Array(10));
