import type { InStatement } from "@libsql/client";
import { fenceHolds, type Fence } from "./fence.ts";

/** Tables that belong to one account: whom it knows, and what WhatsApp allows it to do. */
export const accountTables = ["sender_limits", "chat", "look_up", "look_up_pause", "received"] as const;

/**
 * Tables of what people wrote, and of what they may answer. The word index is first: to delete it word by word, with the
 * messages, takes longer.
 */
const messageTables = [
  "word",
  "message",
  "mark",
  "receipt",
  "conversation",
  "conversation_address",
  "action",
  "numbered",
] as const;

/**
 * Deletes what a session stores of its account. `login`: the credentials, which are worthless after a logout, and what
 * people wrote; the same account may link again. `past`: everything else, when another account is linked.
 */
export const forgetStatements = {
  login: (fence: Fence): InStatement[] => [
    deleted("credential", fence),
    contents(fence),
    ...messageTables.map((table) => deleted(table, fence)),
  ],
  past: (fence: Fence): InStatement[] => [
    ...[...accountTables, ...messageTables].map((table) => deleted(table, fence)),
    contents(fence),
    // The rows stay, so that no message is sent twice. Retries, revocations and the day's bulk limit ignore them.
    guarded("UPDATE ledger SET sealed = NULL, sealed_chat = NULL, is_bulk = 0", fence),
  ],
};

/** Of events that wait for the edge. */
const contents = (fence: Fence) => guarded("UPDATE outbox SET sealed_content = NULL", fence);

const deleted = (table: string, fence: Fence) => guarded(`DELETE FROM ${table}`, fence);

function guarded(sql: string, { sessionId, fence }: Fence): InStatement {
  return { sql: `${sql} WHERE session_id = ? AND ${fenceHolds}`, args: [sessionId, sessionId, fence] };
}
