import type { InStatement } from "@libsql/client";
import { fenceHolds, type Fence } from "./fence.ts";

/** What another account starts without: whom the account knows and what WhatsApp lets it do. */
export const tablesOfPast = ["sender_limits", "chat", "look_up", "look_up_pause", "received"] as const;

/**
 * What a session has of its account, to be forgotten while the session is ours. `login`: the credentials. A logout makes
 * them worthless, and the same account may link again. `past`: all else, when another account is linked.
 */
export const forgetStatements = {
  login: (fence: Fence): InStatement[] => [deleted("credential", fence)],
  past: (fence: Fence): InStatement[] => [
    ...tablesOfPast.map((table) => deleted(table, fence)),
    // The rows stay, so that no message is sent twice. They do not count for retries, revocations and the day's bulk.
    guarded("UPDATE ledger SET sealed = NULL, sealed_chat = NULL, is_bulk = 0", fence),
  ],
};

const deleted = (table: string, fence: Fence) => guarded(`DELETE FROM ${table}`, fence);

function guarded(sql: string, { sessionId, fence }: Fence): InStatement {
  return { sql: `${sql} WHERE session_id = ? AND ${fenceHolds}`, args: [sessionId, sessionId, fence] };
}
