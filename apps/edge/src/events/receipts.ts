import type { ConnectorEvent } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { reachChat } from "../messages/chats.ts";
import { chatNow } from "../messages/merge-chats.ts";
import { moveMessages } from "../messages/life.ts";

const transitions = {
  "message.sent": "send",
  "message.delivered": "deliver",
  "message.read": "read",
  "message.played": "play",
} as const;
const stages = ["send", "deliver", "read", "play"] as const;
type Stage = (typeof stages)[number];
type Receipt = Extract<ConnectorEvent, { type: keyof typeof transitions }>;

const columns = { send: "sent_at", deliver: "delivered_at", read: "read_at", play: "played_at" } as const;

/** Receipts of one message as one change, with the first reported time of each stage. */
export interface JoinedReceipts {
  type: "receipts";
  messageId: string;
  sessionId: string;
  times: Map<Stage, number>;
  /** Where it was sent; absent for codes. */
  chatId?: string;
}

type Step = Exclude<ConnectorEvent, Receipt> | JoinedReceipts;

/** The events in their order. Receipts of one message are joined, unless there is an event of another kind between them. */
export function joinReceipts(events: readonly ConnectorEvent[]): Step[] {
  const steps: Step[] = [];
  const open = new Map<string, JoinedReceipts>();
  for (const event of events) {
    if (!isReceipt(event)) {
      open.clear();
      steps.push(event);
      continue;
    }
    const { messageId, sessionId } = event;
    let joined = open.get(messageId);
    if (joined?.sessionId !== sessionId) {
      joined = { type: "receipts", messageId, sessionId, times: new Map() };
      open.set(messageId, joined);
      steps.push(joined);
    }
    add(joined, event);
  }
  return steps;
}

const isReceipt = (event: ConnectorEvent): event is Receipt => event.type in transitions;

/** A receipt may arrive before earlier receipts, so it has the times of their stages too. */
function add(joined: JoinedReceipts, { type, at, ...event }: Receipt): void {
  const { times } = joined;
  if ("chatId" in event && event.chatId !== undefined) joined.chatId = event.chatId;
  for (const stage of stages.slice(0, stages.indexOf(transitions[type]) + 1)) {
    if (!times.has(stage)) times.set(stage, new Date(at).getTime());
  }
}

/**
 * The statements of joined receipts. After a long outage cron may have failed the message as expired before they arrive.
 * That a message was played is a statement of its own, so that the statement of a code's receipts stays as short as it is.
 */
export function applyReceipts(
  db: Db,
  { messageId, sessionId, times, chatId }: JoinedReceipts,
  now: number,
): CompiledQuery[] {
  const { play, ...others } = Object.fromEntries(times) as Partial<Record<Stage, number>>;
  const which = sql<boolean>`id = ${messageId} AND ${isOf(sessionId)}
      AND (status NOT IN ('failed', 'canceled') OR failure = 'expired' OR session_id <> ${sessionId})`;
  const furthest = stages.findLast((stage) => stage in others) ?? "send";
  const reached = Object.entries(others).map(([stage, at]) => {
    const column = sql.ref(columns[stage as Stage]);
    return sql`${column} = coalesce(${column}, ${at})`;
  });
  return [
    moveMessages(db, furthest, {
      which,
      at: now,
      set: sql`${sql.join(reached)}, ${chatId === undefined ? sql`` : sql`chat_id = ${chatNow(chatId)},`} failure = NULL, no_account_at = NULL,
      session_id = CASE WHEN status = 'queued' THEN ${sessionId} ELSE session_id END`,
    }),
    ...(chatId === undefined ? [] : [reachChat(db, { chatId, sessionId, which })]),
    ...(play === undefined ? [] : [moveMessages(db, "play", { which, at: now, set: sql`played_at = ${play}` })]),
  ];
}

/** True in SQL for a message of this session, now or before a reroute: the session may have sent it before. */
export const isOf = (sessionId: string): RawBuilder<boolean> =>
  sql`(session_id = ${sessionId} OR tried ->> ${`$.${sessionId}`} IS NOT NULL)`;
