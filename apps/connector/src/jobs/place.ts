import type { FailureReason } from "@sandi/contracts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { LiveSession } from "../session/live.ts";
import { type Fence } from "../store/fence.ts";
import { findSession } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import { type JobOutcome, later } from "./outcome.ts";

/** Where a session's messages go through. */
export interface Place {
  fence: Fence;
  live: LiveSession;
  socket: WhatsAppSocket;
}

export interface Whereabouts {
  store: Store;
  find: (sessionId: string) => LiveSession | undefined;
}

/** The session's socket, or how its messages end without one, or when to ask again. */
export async function whereabouts(
  { find, store }: Whereabouts,
  sessionId: string,
): Promise<Place | { fence: Fence; failure: FailureReason } | JobOutcome> {
  const live = find(sessionId);
  if (live) {
    const socket = live.online();
    if (socket) return { fence: live.fence, live, socket };
    const { state, reason } = live.session.machine;
    if (state !== "ended") return later(state === "stopped" ? 10 : 2, `the session is ${state}`);
    return { fence: live.fence, failure: reason === "banned" ? "account_restricted" : "session_ended" };
  }
  const row = await findSession(store, sessionId);
  // A deleted session leaves a tombstone; one that was never heard of may still be on its way here.
  if (row?.isGone) return { fence: { sessionId, fence: row.fence }, failure: "session_ended" };
  return later(row ? 2 : 5, row ? "another connector owns the session" : "the session is not known here");
}
