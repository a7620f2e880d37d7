import { type ClaimRequest, ClaimResponse, type ClaimResult, claimPath } from "@sandi/contracts";
import type { CallEdge } from "../edge.ts";

type Claim = ClaimRequest["claims"][number];

/** Claims a message at the edge, just before it is sent. Rejects when the edge does not answer. */
export type ClaimMessage = (claim: Claim) => Promise<ClaimResult>;

interface Waiting {
  claim: Claim;
  resolve: (result: ClaimResult) => void;
  reject: (error: unknown) => void;
}

const maxClaims = 100;
const timeoutMs = 10_000;

/** Sends one claim request at a time. Claims that arrive meanwhile share the next request. */
export function createClaims(callEdge: CallEdge, connectorId: string): ClaimMessage {
  let waiting: Waiting[] = [];
  let isRequesting = false;

  async function request(): Promise<void> {
    isRequesting = true;
    // Jobs that arrive in the same turn of the event loop share a request.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const group = waiting.slice(0, maxClaims);
      waiting = waiting.slice(maxClaims);
      try {
        const body: ClaimRequest = { connectorId, claims: group.map(({ claim }) => claim) };
        const answer = await callEdge(claimPath, body, timeoutMs);
        if (answer.status !== 200) throw new Error(`the edge answered a claim with ${answer.status}`);
        const { results } = ClaimResponse.parse(answer.body);
        const byId = new Map(results.map((result) => [result.messageId, result]));
        for (const { claim, resolve, reject } of group) {
          const result = byId.get(claim.messageId);
          if (result) resolve(result);
          else reject(new Error("the edge did not answer a claim"));
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    isRequesting = false;
  }

  return (claim) =>
    new Promise((resolve, reject) => {
      waiting.push({ claim, resolve, reject });
      if (!isRequesting) void request();
    });
}
