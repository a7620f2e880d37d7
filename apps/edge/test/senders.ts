import { claimPath, type ClaimResponse, createId, eventsPath, type Message, type Verification } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import type { Edge } from "./harness.ts";

export const recipient = "+6281234567890";

/** What connectors say of several sessions. */
export function connectorOf(edge: Edge) {
  let seq = 0;
  const report = async (session: string, type: string, more: Record<string, unknown> = {}) => {
    const at = edge.services.now();
    const event = {
      id: createId("evt", at, webRandom(10)),
      seq: ++seq,
      sessionId: session,
      at: at.toISOString(),
      type,
    };
    const answer = await edge.internal(eventsPath, { connectorId: "a", events: [{ ...event, ...more }] });
    if (answer.status !== 200) throw new Error(`the edge answered ${answer.status}: ${answer.text}`);
    await edge.settled();
  };
  return {
    report,
    claim: async (messageId: string, session: string, { fence = 1, connectorId = "a" } = {}) => {
      const body = { connectorId, claims: [{ messageId, sessionId: session, fence }] };
      return (await edge.internal<ClaimResponse>(claimPath, body)).body.results[0]!.outcome;
    },
    sent: (messageId: string, session: string) => report(session, "message.sent", { messageId }),
    failed: (messageId: string, session: string, reason = "new_chats_locked") =>
      report(session, "message.failed", { messageId, reason }),
    state: (session: string, state: string) =>
      report(session, "session.state", { state, reason: null, phone: "+6281200000001", revision: 1 }),
    limits: (session: string, more: Record<string, unknown>) =>
      report(session, "session.limits", { newChatsLockedUntil: null, newChats: null, pausedUntil: null, ...more }),
    /** Until then the account opens no new chats. */
    lock: (session: string) =>
      report(session, "session.limits", {
        newChatsLockedUntil: new Date(edge.services.now().getTime() + 3_600_000).toISOString(),
        newChats: null,
        pausedUntil: null,
      }),
    wrote: (session: string, from = recipient) =>
      report(session, "message.received", { from, token: null, isForwarded: false }),
  };
}

export const verify = (edge: Edge, more: object = {}) =>
  edge.api<Verification>("POST /v1/verifications", { to: recipient, ...more });
export const text = (edge: Edge, more: object = {}) =>
  edge.api<Message>("POST /v1/messages", { to: recipient, type: "text", text: "Selamat pagi", ...more });
export const seeVerification = async (edge: Edge, { id }: { id: string }) =>
  (await edge.api<Verification>(`GET /v1/verifications/${id}`)).body;
export const seeMessage = async (edge: Edge, { id }: { id: string }) =>
  (await edge.api<Message>(`GET /v1/messages/${id}`)).body;
