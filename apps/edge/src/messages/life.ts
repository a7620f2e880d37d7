import { claimsBeforeRetry, type FailureReason, type MessageStatus } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";

interface Transition {
  from: readonly MessageStatus[];
  to: MessageStatus;
  /** Columns that become NULL. */
  clears: readonly "sealed"[];
  /** The event in the timeline. */
  event?: `message.${string}`;
  /** The stage that is counted for the message and its verification. The column `<stage>_at` has its time. */
  stage?: "sent" | "delivered" | "read";
}

/** Statuses of a message that is not sent yet. */
export const unsent = ["queued", "sending"] as const satisfies readonly MessageStatus[];

/**
 * The order of statuses. A receipt never moves a message back. `played` is not among them: nothing moves a played message.
 */
export const deliveryOrder = [
  "queued",
  "sending",
  "sent",
  "delivered",
  "read",
] as const satisfies readonly MessageStatus[];

// A receipt proves that the phone has the message, so it also applies to a failed or canceled message.
const receivable = [...deliveryOrder, "failed", "canceled"] as const;

/** All transitions of a message. */
export const messageLife = {
  claim: { from: unsent, to: "sending", clears: [] },
  reroute: { from: unsent, to: "queued", clears: [], event: "message.rerouted" },
  send: { from: receivable, to: "sent", clears: ["sealed"], event: "message.sent", stage: "sent" },
  deliver: { from: receivable, to: "delivered", clears: ["sealed"], event: "message.delivered", stage: "delivered" },
  read: { from: receivable, to: "read", clears: ["sealed"], event: "message.read", stage: "read" },
  play: { from: receivable, to: "played", clears: ["sealed"], event: "message.played" },
  fail: { from: unsent, to: "failed", clears: ["sealed"], event: "message.failed" },
  // `keptForRetry` says whether the content is kept.
  failForNow: { from: unsent, to: "failed", clears: [], event: "message.failed" },
  cancel: { from: ["queued"], to: "canceled", clears: ["sealed"], event: "message.canceled" },
  release: { from: ["scheduled"], to: "queued", clears: [], event: "message.queued" },
  lapse: { from: ["scheduled"], to: "failed", clears: [], event: "message.failed" },
  unschedule: { from: ["scheduled"], to: "canceled", clears: ["sealed"], event: "message.canceled" },
  // A paused batch holds its messages.
  hold: { from: ["queued"], to: "scheduled", clears: [] },
  retry: { from: ["failed"], to: "queued", clears: [], event: "message.queued" },
  revoke: {
    from: ["sending", "sent", "delivered", "read", "played", "received"],
    to: "revoked",
    clears: ["sealed"],
    event: "message.revoked",
  },
  // Keys without `lookup:read` see a message to a number without an account as sent, so it is also shown as revoked.
  revokeUnsent: { from: ["failed"], to: "revoked", clears: ["sealed"], event: "message.revoked" },
} as const satisfies Record<string, Transition>;

export type MessageTransition = keyof typeof messageLife;

interface Change {
  /** True in SQL for the messages that change, if their status allows the transition. */
  which: RawBuilder<boolean>;
  at: number;
  /** More columns for the SET. */
  set?: RawBuilder<unknown>;
  /** The index to use, for statements that find few rows among many. */
  index?: "message_verification" | "message_unsent_session" | "message_scheduled_workspace";
  returning?: RawBuilder<unknown>;
}

/** The statement of a transition. It is the only way to change `message.status`. */
export function moveMessages<Row>(
  db: Db,
  name: MessageTransition,
  { which, at, set, index, returning }: Change,
): CompiledQuery<Row> {
  const { columns, isFrom } = parts[name];
  return sql<Row>`UPDATE message ${index ? sql`INDEXED BY ${sql.raw(index)}` : sql``}
    SET ${columns}, ${set ? sql`${set},` : sql``} updated_at = ${at}
    WHERE ${which} AND ${isFrom} ${returning ? sql`RETURNING ${returning}` : sql``}`.compile(db.kysely);
}

/** In the SET of `failForNow`: the content is kept while the message can be retried. */
export const keptForRetry = (reason: FailureReason): RawBuilder<unknown> =>
  sql`sealed = iif(attempt <= ${claimsBeforeRetry[reason] ?? -1}, sealed, NULL)`;

/** The SQL of a transition that is the same in all its statements. */
function partsOf({ from, to, clears }: Transition) {
  const columns = [`status = ${statusAfter(to)}`, ...clears.map((column) => `${column} = NULL`)];
  return { columns: sql.raw(columns.join(", ")), isFrom: sql.raw(isIn(from)) };
}

/** `to`, unless the message already has this status or a later one. */
function statusAfter(to: MessageStatus): string {
  const reached = (deliveryOrder as readonly MessageStatus[]).indexOf(to);
  if (reached <= deliveryOrder.indexOf("sending")) return `'${to}'`;
  return `CASE WHEN ${isIn(deliveryOrder.slice(reached))} THEN status ELSE '${to}' END`;
}

/** True in SQL for a message with one of these statuses, in the form that the indexes need. */
const isIn = (states: readonly MessageStatus[]) =>
  `message.status IN (${states.map((each) => `'${each}'`).join(", ")})`;

const parts = Object.fromEntries(
  Object.entries(messageLife).map(([name, transition]) => [name, partsOf(transition)]),
) as Record<MessageTransition, ReturnType<typeof partsOf>>;
