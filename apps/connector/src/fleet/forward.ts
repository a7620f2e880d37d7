import { AppError, laneHeader, mediaDownloadHeader, type Rpc } from "@sandi/contracts";
import { LRUCache } from "lru-cache";
import type { Answer, Incoming } from "../http.ts";
import type { Meter } from "../metrics.ts";
import type { Services } from "../services.ts";
import { findOwner } from "../store/members.ts";
import type { Store } from "../store/store.ts";
import type { Addresses } from "./addresses.ts";

/** Forwards requests to other connectors of the same database. The receiver verifies the request again. */
export interface Forward {
  /**
   * Forwards to the connector that owns the session and returns its answer; undefined when the session has no owner, or is
   * ours. Rejects with `connector-unavailable` when its owner cannot be reached; when it does not answer, with the error
   * that the call names for that.
   */
  toOwner(incoming: Incoming, sessionId: string, call?: Patience): Promise<Answer | undefined>;
  /** Forwards to this address; undefined when there is no answer. */
  to(incoming: Incoming, url: string): Promise<Answer | undefined>;
}

/** What a call says of an answer that does not come. */
type Patience = Pick<Rpc, "unanswered" | "timeoutMs">;

interface Options {
  services: Pick<Services, "now" | "fetch" | "after">;
  store: Store;
  addresses: Pick<Addresses, "open">;
  run: string;
  isOwnedHere: (sessionId: string) => boolean;
  meter: Pick<Meter, "counter">;
}

/** Marks a forwarded request, so that it is not forwarded again. */
const hop = "sandi-forwarded";
const passedOn = new RegExp(
  `^(content-type|authorization|upstash-.*|traceparent|tracestate|${laneHeader}|${mediaDownloadHeader})$`,
);
const answered = ["content-type", "retry-after", "x-request-id", "upstash-nonretryable-error"];
/**
 * A frozen connector holds its leases until they expire. Nobody waits for it that long: the queue delivers the job again,
 * and joins it there if the connector was only slow. Less than the time-out of the edge.
 */
export const ownerAnswersMs = 4_000;
/** The owner has so much less time than the caller waits. */
const marginMs = 1_000;
const ownerKnownMs = 2_000;

export const wasForwarded = ({ headers }: Pick<Incoming, "headers">) => headers[hop] !== undefined;

export const isOk = ({ status }: Answer) => status >= 200 && status < 300;

export function createForward({ services, store, addresses, run, isOwnedHere, meter }: Options): Forward {
  const forwarded = meter.counter(
    "sandi_forwarded_total",
    "Jobs and calls handed to another connector, by kind and by its answer.",
    "kind",
    "result",
  );
  const owners = new LRUCache<string, string>({ max: 10_000, ttl: ownerKnownMs });

  async function ownerUrl(sessionId: string): Promise<string | undefined> {
    const known = owners.get(sessionId);
    if (known !== undefined) return known;
    const owner = await findOwner(store, sessionId, services.now());
    if (!owner || owner.run === run) return undefined;
    const url = owner.url === null ? null : addresses.open(owner.run, owner.url);
    if (url === null) throw unreachable();
    owners.set(sessionId, url);
    return url;
  }

  async function to(incoming: Incoming, url: string, timeoutMs = ownerAnswersMs): Promise<Answer | undefined> {
    const answer = await passOn(services, incoming, { url: url + incoming.path, timeoutMs });
    const result = answer === undefined ? "unreachable" : isOk(answer) ? "done" : "refused";
    forwarded.inc({ kind: kindOf(incoming.path), result });
    return answer;
  }

  return {
    to: (incoming, url) => to(incoming, url),
    async toOwner(incoming, sessionId, { unanswered, timeoutMs } = {}) {
      if (isOwnedHere(sessionId) || wasForwarded(incoming)) return undefined;
      const url = await ownerUrl(sessionId);
      if (url === undefined) return undefined;
      const answer = await to(incoming, url, timeoutMs === undefined ? undefined : timeoutMs - marginMs);
      if (!answer || !isOk(answer)) owners.delete(sessionId);
      if (!answer) throw unanswered ? new AppError(unanswered, { retryAfter: 2 }) : unreachable();
      return answer;
    },
  };
}

/** Sends the same request on; undefined when there is no answer in time. */
async function passOn(
  { fetch, after }: Options["services"],
  incoming: Incoming,
  { url, timeoutMs }: { url: string; timeoutMs: number },
): Promise<Answer | undefined> {
  const headers = new Headers({ [hop]: "1" });
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (passedOn.test(name) && value !== undefined) headers.set(name, value.toString());
  }
  const timeout = new AbortController();
  const cancel = after(timeoutMs, () => timeout.abort());
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers,
      body: incoming.body,
      redirect: "manual",
      signal: timeout.signal,
    });
    const headersBack = answered.flatMap((name): [string, string][] => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value]];
    });
    return { status: answer.status, headers: Object.fromEntries(headersBack), body: await answer.text() };
  } catch {
    return undefined;
  } finally {
    cancel();
  }
}

/** `send`, `revoke`, `session` or `rpc`; only requests of existing routes are forwarded. */
function kindOf(pathname: string): string {
  const [, area = "", name = ""] = pathname.split("/");
  return area === "rpc" ? area : name;
}

function unreachable(): AppError {
  return new AppError("connector-unavailable", { detail: "The session's connector does not answer.", retryAfter: 2 });
}
