import { claimPath, type ClaimResponse, createId, eventsPath } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import type { Edge } from "./harness.ts";
import { seeMessage, seeVerification, text, verify } from "./senders.ts";

/** What customers and the connector of one session ask of the edge. */
export function connectorCalls(edge: () => Edge, sessionId: () => string) {
  let seq = 0;
  return {
    create: async (input: object = {}) => (await verify(edge(), input)).body,
    get: (id: string) => seeVerification(edge(), { id }),
    sendText: async () => (await text(edge(), { sessionId: sessionId() })).body,
    message: (id: string) => seeMessage(edge(), { id }),
    claim: async (messageId: string, { fence = 1, connectorId = "a", session = sessionId() } = {}) => {
      const body = { connectorId, claims: [{ messageId, sessionId: session, fence }] };
      return (await edge().internal<ClaimResponse>(claimPath, body)).body.results[0];
    },
    event: (type: string, more: Record<string, unknown>) => ({
      id: createId("evt", edge().services.now(), webRandom(10)),
      seq: ++seq,
      sessionId: sessionId(),
      at: edge().services.now().toISOString(),
      type,
      ...more,
    }),
    report: (...events: Record<string, unknown>[]) => edge().internal(eventsPath, { connectorId: "a", events }),
  };
}
