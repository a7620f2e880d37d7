import { AppError } from "@sandi/contracts";
import { LRUCache } from "lru-cache";
import type { Metrics } from "../metrics.ts";
import type { Services } from "../services.ts";
import { findOwner } from "../store/members.ts";
import type { Store } from "../store/store.ts";

/**
 * Hands a request about a session to the connector that owns it, and answers what that one answers; undefined when the
 * session is nobody's. Rejects with `connector-unavailable` when its owner cannot be reached.
 */
export type ForwardToOwner = (incoming: Incoming, sessionId: string) => Promise<Response | undefined>;

/** A request that was read, and verified; whoever gets it verifies it anew. */
export interface Incoming {
  request: Request;
  body: string;
}

interface Options {
  services: Pick<Services, "now" | "fetch">;
  store: Store;
  run: string;
  ownedHere: (sessionId: string) => boolean;
  metrics: Pick<Metrics, "forwarded">;
}

/** Set on what was forwarded once; it is not forwarded again, which is all that it does. */
const hop = "sandi-forwarded";
const passedOn = /^(content-type|authorization|upstash-.*|traceparent|tracestate)$/;
const answered = ["content-type", "retry-after", "x-request-id", "upstash-nonretryable-error"];
const timeoutMs = 25_000;
const ownerKnownMs = 2_000;

export const wasForwarded = (request: Request) => request.headers.has(hop);

/** A POST to another connector, as it came; undefined when it cannot be reached. */
export async function passOn(
  fetch: Services["fetch"],
  { request, body }: Incoming,
  to: string,
): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  const headers = new Headers({ [hop]: "1" });
  for (const [name, value] of request.headers) if (passedOn.test(name)) headers.set(name, value);
  try {
    const answer = await fetch(to + pathname, {
      method: "POST",
      headers,
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const kept = answered.flatMap((name): [string, string][] => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value]];
    });
    return new Response(await answer.text(), { status: answer.status, headers: kept });
  } catch {
    return undefined;
  }
}

export function createForwarder({ services, store, run, ownedHere, metrics }: Options): ForwardToOwner {
  const owners = new LRUCache<string, string>({ max: 10_000, ttl: ownerKnownMs });

  async function ownerUrl(sessionId: string): Promise<string | undefined> {
    const known = owners.get(sessionId);
    if (known !== undefined) return known;
    const owner = await findOwner(store, sessionId, services.now());
    if (!owner || owner.run === run) return undefined;
    if (owner.url === null) throw unreachable();
    owners.set(sessionId, owner.url);
    return owner.url;
  }

  return async (incoming, sessionId) => {
    if (ownedHere(sessionId) || wasForwarded(incoming.request)) return undefined;
    const url = await ownerUrl(sessionId);
    if (url === undefined) return undefined;
    const answer = await passOn(services.fetch, incoming, url);
    metrics.forwarded.inc({ result: answer === undefined ? "unreachable" : answer.ok ? "done" : "refused" });
    if (!answer?.ok) owners.delete(sessionId);
    if (!answer) throw unreachable();
    return answer;
  };
}

function unreachable(): AppError {
  return new AppError("connector-unavailable", { detail: "The session's connector does not answer.", retryAfter: 2 });
}
