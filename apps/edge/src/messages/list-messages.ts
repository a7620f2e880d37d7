import { createId, type Message, type MessageStatus, type SearchMessages } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { type RawBuilder, sql } from "kysely";
import { formerHashes } from "../access-rules/former-hashes.ts";
import { hashScope, tenantOf } from "../auth/tenant.ts";
import { seesAccounts } from "../auth/powers.ts";
import type { Context } from "../context.ts";
import { type Found, windowOf } from "../page-window.ts";
import { readPhone } from "../phone.ts";
import { toMessage, type Viewer } from "./present.ts";
import { chatNow } from "./merge-chats.ts";
import { selectMessages, settleDue } from "./repository.ts";
import { withContent } from "./with-content.ts";

/** The time in an id and `created_at` are read from the clock one after the other. */
const idSlackMs = 1_000;

/** The matching messages, newest first. Messages with codes belong to their verifications. */
export async function listMessages(ctx: Context, query: SearchMessages): Promise<Found<Message>> {
  const { actor } = ctx;
  const { db, phoneKey, now } = ctx.services;
  const tenant = tenantOf(actor);
  const at = now().getTime();
  const viewer = { now: at, scopes: actor.scopes };
  const window = windowOf({
    table: "message",
    index: tenant.test === 1 ? "message_text_test" : "message_text",
    which: sql`verification_id IS NULL`,
    tenant,
    ...idsOf(query),
  });
  const byNumber = query.to !== undefined;
  const queries = {
    settled: settleDue(db, tenant, at),
    rows: selectMessages(db, tenant, { where: sql.join(await conditions(), sql` AND `), limit: query.limit, byNumber }),
    // One number has few messages: its pages look at all of them.
    floor: byNumber ? [] : [window.floor],
  };
  const { rows, floor } = await (queries.settled.length === 0 ? db.read(queries) : db.write(queries));
  const items = await withContent(
    ctx,
    rows.rows.map((row) => toMessage(row, viewer)),
  );
  return { items, continueAt: floor[0]?.rows[0]?.id };

  async function conditions(): Promise<RawBuilder<unknown>[]> {
    const { status, to, type, direction, chatId, sessionId, createdAfter, createdBefore, cursor } = query;
    const all: RawBuilder<unknown>[] = [];
    if (to === undefined) {
      all.push(window.has(sql`message.id`));
    } else {
      const { e164 } = readPhone(actor, to, "/to");
      const scope = hashScope(tenant);
      const hashes = [await phoneHash(phoneKey, scope, e164), ...(await formerHashes(phoneKey, scope, e164))];
      all.push(sql`message.to_hash IN (${sql.join(hashes)})`);
      if (cursor) all.push(sql`message.id < ${cursor}`);
    }
    if (status) all.push(hasStatus(status, viewer));
    if (type) all.push(sql`message.type = ${type}`);
    if (direction) all.push(sql`coalesce(message.direction, 'outbound') = ${direction}`);
    if (chatId) all.push(sql`message.chat_id = ${chatNow(chatId)}`);
    if (sessionId) all.push(sql`message.session_id = ${sessionId}`);
    if (createdAfter) all.push(sql`message.created_at > ${Date.parse(createdAfter)}`);
    if (createdBefore) all.push(sql`message.created_at < ${Date.parse(createdBefore)}`);
    return all;
  }
}

/** The status that `toMessage` shows, as a condition in SQL. */
const hasStatus = (status: MessageStatus, viewer: Viewer): RawBuilder<boolean> =>
  sql`${shownStatus(viewer)} = ${status}`;

/** The status that `toMessage` shows, in SQL. */
export function shownStatus({ now, scopes }: Viewer): RawBuilder<MessageStatus> {
  const shown = sql`CASE WHEN message.status IN ('queued', 'scheduled') AND message.expires_at <= ${now} THEN 'failed'
    ELSE message.status END`;
  if (seesAccounts(scopes)) return sql`${shown}`;
  return sql`CASE WHEN message.failure = 'not_on_whatsapp' THEN iif(message.status = 'revoked' AND message.updated_at <= ${now},
    'revoked', 'sent') ELSE ${shown} END`;
}

/** The ids that can match: they sort by time. */
function idsOf({ createdAfter, createdBefore, cursor }: SearchMessages) {
  const from = createdAfter === undefined ? 0 : Math.max(0, Date.parse(createdAfter) - idSlackMs);
  const before = createdBefore === undefined ? "msg_~" : idAt(Date.parse(createdBefore) + idSlackMs);
  return { from: idAt(from), before: cursor !== undefined && cursor < before ? cursor : before };
}

const idAt = (ms: number) => createId("msg", new Date(ms), new Uint8Array(10));
