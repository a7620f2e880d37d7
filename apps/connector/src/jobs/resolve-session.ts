import type { FailureReason } from "@sandi/contracts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { LiveSession } from "../session/live.ts";
import { type Fence } from "../store/fence.ts";
import { findSession } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import { type JobOutcome, later } from "./outcome.ts";

/** A session that can send now. */
export interface OnlineSession {
  fence: Fence;
  live: LiveSession;
  socket: WhatsAppSocket;
}

export interface SessionLookup {
  store: Store;
  /** The session, if this connector owns it. */
  find: (sessionId: string) => LiveSession | undefined;
}

/** The online session, or the reason why its messages fail, or the outcome of a job that must be retried. */
export async function resolveSession(
  { find, store }: SessionLookup,
  sessionId: string,
): Promise<OnlineSession | { fence: Fence; failure: FailureReason } | JobOutcome> {
  const live = find(sessionId);
  if (live) {
    const socket = live.online();
    if (socket) return { fence: live.fence, live, socket };
    const { state, reason } = live.session.machine;
    if (state !== "ended") return later(state === "stopped" ? 10 : 2, `the session is ${state}`);
    return { fence: live.fence, failure: reason === "banned" ? "account_restricted" : "session_ended" };
  }
  const row = await findSession(store, sessionId);
  // A deleted session keeps a row. The job that starts an unknown session may still be in the queue.
  if (row?.isGone) return { fence: { sessionId, fence: row.fence }, failure: "session_ended" };
  return later(row ? 2 : 5, row ? "another connector owns the session" : "this connector does not know the session");
}
