import { AppError, type ErrorCode } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import { tenantOf } from "../auth/tenant.ts";
import type { Db } from "../db/schema.ts";
import type { Services } from "../services.ts";
import { consumeLate, leftOf } from "../http/rate-limits.ts";
import { workspaceSendLimits } from "../rate-limits/named.ts";
import { refusalOf } from "../messages/refusal.ts";
import { makeMessages, type Prepared, prepare } from "./make-messages.ts";
import { actorOf, type OpenBatch } from "./open-batch.ts";
import { senderOf } from "../messages/sender-of.ts";
import { noSession, selectCandidate } from "../sessions/pick.ts";

/** One transaction makes so many messages: codes do not wait longer than for these. */
const itemsAtOnce = 25;
/** A recipient whose turn is refused for now is tried again after this time at most. */
const longestWaitMs = 600_000;
/** A batch without a session looks for one again after this time. */
const withoutSessionMs = 60_000;
/** Limits may delay a recipient for so long after the batch began; then its message fails. */
const longestDelayMs = 7 * 86_400_000;

export interface WaitingItem {
  position: number;
  sealed: string;
}

/** Makes the next messages. Answers when the next ones are due; undefined: no recipient waits. */
export async function expandSome(services: Services, batch: OpenBatch, at: number): Promise<number | undefined> {
  const { db } = services;
  const { rows } = await db.kysely.executeQuery(selectWaiting(db, batch, at));
  if (rows.length === 0) return nextOf(db, batch);
  const { items, blockedUntil } = await admitted(services, batch, { items: rows, at });
  if (items.length === 0) return blockedUntil;
  const prepared = await Promise.all(items.map((item) => prepare(services, batch, { item, at })));
  const verdicts = await makeMessages(services, batch, { prepared, at });
  const made = [...verdicts.values()].filter((verdict) => verdict === null).length;
  if (made > 0) await count(services, batch, { made, at });
  const outcomes = await Promise.all(
    prepared.map(async (one) => refusedItem(services, batch, { one, verdict: verdicts.get(one.position), at })),
  );
  const refused = outcomes.filter((each) => each !== undefined);
  if (refused.length > 0) await db.write(refused.map((each) => storeRefusal(db, batch, each)));
  // No session is there for any of them: the others need not be tried.
  return refused.some(({ isForAll }) => isForAll) ? at + withoutSessionMs : at;
}

const selectWaiting = (db: Db, { id }: OpenBatch, at: number): CompiledQuery<WaitingItem> =>
  sql<WaitingItem>`SELECT position, sealed FROM batch_item INDEXED BY batch_item_waiting
    WHERE batch_id = ${id} AND state = 'waiting' AND due_at <= ${at} ORDER BY due_at, position LIMIT ${itemsAtOnce}`.compile(
    db.kysely,
  );

async function nextOf(db: Db, { id }: OpenBatch): Promise<number | undefined> {
  const { rows } = await db.kysely.executeQuery(
    sql<{ dueAt: number | null }>`SELECT min(due_at) AS due_at FROM batch_item INDEXED BY batch_item_waiting
      WHERE batch_id = ${id} AND state = 'waiting'`.compile(db.kysely),
  );
  return rows[0]?.dueAt ?? undefined;
}

/** The items that the workspace's limit of sends admits now. */
async function admitted(services: Services, batch: OpenBatch, { items, at }: { items: WaitingItem[]; at: number }) {
  const actor = actorOf(batch);
  const [limit] = workspaceSendLimits(actor, at);
  const left = limit && (await leftOf({ services, actor }, limit));
  return {
    items: items.slice(0, left?.remaining ?? items.length),
    blockedUntil: at + Math.min(longestWaitMs, left?.leftMs ?? 0),
  };
}

/** Counts the messages that were made. Another request may have used up the limit meanwhile: they stay. */
async function count(services: Services, batch: OpenBatch, { made, at }: { made: number; at: number }): Promise<void> {
  const actor = actorOf(batch);
  for (const limit of workspaceSendLimits(actor, at, made)) {
    await consumeLate({ services, actor }, limit).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
    });
  }
}

interface Refused {
  position: number;
  code: ErrorCode;
  /** When it is tried again; null: never. */
  again: number | null;
  /** It waits for a session, as all others do. */
  isForAll: boolean;
}

interface Tried {
  one: Prepared;
  /** Undefined: nothing was decided. */
  verdict: string | null | undefined;
  at: number;
}

const unless = (isLate: boolean, next: number) => (isLate ? null : next);

/** What becomes of an item without a message; undefined if it has one, or somebody else has decided it. */
async function refusedItem(
  services: Services,
  batch: OpenBatch,
  { one, verdict, at }: Tried,
): Promise<Refused | undefined> {
  const { position } = one;
  const refuse = (code: ErrorCode, again: number | null = null, isForAll = false): Refused => {
    return { position, code, again, isForAll };
  };
  if ("refusal" in one) return refuse(one.refusal);
  if (verdict === null || verdict === undefined || verdict === '["repeated"]') return undefined;
  const since = batch.sendAt ?? batch.createdAt;
  const { code, extras } = await refusalOf(services, verdict, one.asked);
  if (code === "rate-limited") {
    const waitMs = Math.min(longestWaitMs, (extras.retryAfter ?? 60) * 1000);
    return refuse(code, unless(at >= since + longestDelayMs, at + waitMs));
  }
  if (!verdict.startsWith('["no-sender"')) return refuse(code);
  if (senderOf(tenantOf(actorOf(batch))).isLimited && (await hasSession(services, one, at))) {
    return refuse(code, unless(at >= since + longestDelayMs, at + longestWaitMs));
  }
  return refuse(code, unless(at >= since + batch.lifetimeMs, at), true);
}

/** Whether a linked session of the route runs: then only limits of new chats keep it from writing to the recipient. */
async function hasSession({ db }: Services, { asked }: Extract<Prepared, { asked: unknown }>, at: number) {
  const { tenant, route, toHash } = asked;
  const { rows } = await db.kysely.executeQuery(selectCandidate(db, tenant.workspaceId, { route, toHash, at }));
  return noSession(route, rows[0]) === undefined;
}

const storeRefusal = (db: Db, { id }: OpenBatch, { position, code, again }: Refused): CompiledQuery =>
  sql`UPDATE batch_item SET code = ${code}, ${again === null ? sql`state = 'failed', sealed = NULL` : sql`due_at = ${again}`}
    WHERE batch_id = ${id} AND position = ${position} AND state = 'waiting'`.compile(db.kysely);
