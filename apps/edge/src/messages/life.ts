import type { MessageStatus } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";

interface Transition {
  from: readonly MessageStatus[];
  to: MessageStatus;
  /** Columns that the message does not keep. */
  forgets: readonly "sealed"[];
  /** What the timeline says. */
  event?: `message.${string}`;
  /** The stage of the message and its verification that is counted, and the column with its time. */
  stage?: "sent" | "delivered" | "read";
}

/** A message in one of these has not left: it waits for its session. */
export const unsent = ["queued", "sending"] as const satisfies readonly MessageStatus[];

/** How far a message has come. A receipt never moves it back. */
export const deliveryOrder = [
  "queued",
  "sending",
  "sent",
  "delivered",
  "read",
] as const satisfies readonly MessageStatus[];

// What a phone has, it has: a receipt also counts for a message that was given up before the receipt came.
const receivable = [...deliveryOrder, "failed", "canceled"] as const;

/** Every change of a message's status. */
export const messageLife = {
  claim: { from: unsent, to: "sending", forgets: [] },
  reroute: { from: unsent, to: "queued", forgets: [], event: "message.rerouted" },
  send: { from: receivable, to: "sent", forgets: ["sealed"], event: "message.sent", stage: "sent" },
  deliver: { from: receivable, to: "delivered", forgets: ["sealed"], event: "message.delivered", stage: "delivered" },
  read: { from: receivable, to: "read", forgets: ["sealed"], event: "message.read", stage: "read" },
  fail: { from: unsent, to: "failed", forgets: ["sealed"], event: "message.failed" },
  cancel: { from: ["queued"], to: "canceled", forgets: ["sealed"], event: "message.canceled" },
  revoke: { from: ["sending", "sent", "delivered"], to: "revoked", forgets: ["sealed"], event: "message.revoked" },
  // To keys without `lookup:read` a message to a number without an account is sent: it is taken back like any other.
  revokeUnsent: { from: ["failed"], to: "revoked", forgets: ["sealed"], event: "message.revoked" },
} as const satisfies Record<string, Transition>;

export type MessageTransition = keyof typeof messageLife;

interface Change {
  /** True in SQL of the messages that change, as far as their status lets them. */
  which: RawBuilder<boolean>;
  at: number;
  /** Further columns, in the SET. */
  set?: RawBuilder<unknown>;
  /** The index to use; some statements have to find few rows among many. */
  index?: "message_verification" | "message_unsent_session";
  returning?: RawBuilder<unknown>;
}

/** The statement that moves messages. It is the only way to change `message.status`. */
export function moveMessages<Row>(
  db: Db,
  name: MessageTransition,
  { which, at, set, index, returning }: Change,
): CompiledQuery<Row> {
  const { from, to, forgets }: Transition = messageLife[name];
  return sql<Row>`UPDATE message ${index ? sql`INDEXED BY ${sql.ref(index)}` : sql``} SET status = ${statusAfter(to)},
      ${sql.join([...forgets.map((column) => sql`${sql.ref(column)} = NULL`), ...(set ? [set] : []), sql`updated_at = ${at}`])}
    WHERE ${which} AND ${isIn(from)} ${returning ? sql`RETURNING ${returning}` : sql``}`.compile(db.kysely);
}

/** `to`, unless a receipt has moved the message there or further. */
function statusAfter(to: MessageStatus): RawBuilder<unknown> {
  const reached = (deliveryOrder as readonly MessageStatus[]).indexOf(to);
  if (reached <= deliveryOrder.indexOf("sending")) return sql.lit(to);
  const further = deliveryOrder.slice(reached);
  return sql`CASE WHEN ${isIn(further)} THEN status ELSE ${sql.lit(to)} END`;
}

/** True in SQL of a message in one of these states, in the words of the indexes. */
const isIn = (states: readonly MessageStatus[]) =>
  sql<boolean>`message.status IN (${sql.join(states.map((each) => sql.lit(each)))})`;
