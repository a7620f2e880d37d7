import type { Services } from "../services.ts";
import { targetFault } from "./targets.ts";

const mostRedirects = 3;
const redirects = new Set([301, 302, 303, 307, 308]);

interface Terms {
  /** The time for everything: all redirects and the whole body. */
  ms: number;
  /** The error to throw, for a reason that the caller may see. */
  fail: (reason: string, cause?: unknown) => Error;
}

/** What an address answered that is no redirect. */
export interface Fetched {
  status: number;
  headers: Headers;
  /** The address behind all redirects. */
  url: string;
  /** Throws when the answer breaks off, or lasts too long. */
  bytes: AsyncIterable<Uint8Array>;
  /** Ends the answer. The caller does so in any case. */
  close: () => void;
}

/**
 * Fetches an address that a customer gave. Each address on the way must be on the public internet. The runtime refuses
 * names that resolve to private addresses.
 */
export async function fetchPublic(services: Services, url: string, terms: Terms): Promise<Fetched> {
  const { fetchFrom, allowLocalTargets } = services;
  const { ms, fail } = terms;
  const signal = services.timeout(ms);
  let from = url;
  for (let hops = 0; ; hops++) {
    if (targetFault(from, { allowLocal: allowLocalTargets }) !== undefined) {
      throw fail(hops === 0 ? "Its address is not allowed." : "It redirects to an address that is not allowed.");
    }
    const { status, headers, body } = await fetchFrom(from, signal).catch((cause: unknown) => {
      throw fail(signal.aborted ? tooLate(ms) : "It does not answer.", cause);
    });
    if (!redirects.has(status)) return { status, headers, url: from, ...readable(body, signal, terms) };
    void body?.cancel().catch(() => undefined);
    const location = headers.get("location") ?? "";
    if (!URL.canParse(location, from)) throw fail("It redirects to no address.");
    if (hops === mostRedirects) throw fail(`It redirects more than ${mostRedirects} times.`);
    from = new URL(location, from).href;
  }
}

function readable(
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
  { ms, fail }: Terms,
): Pick<Fetched, "bytes" | "close"> {
  const reader = body?.getReader();
  const close = () => {
    signal.removeEventListener("abort", close);
    void reader?.cancel().catch(() => undefined);
  };
  // A read that is under way then ends, as if the body did.
  signal.addEventListener("abort", close, { once: true });

  async function* read() {
    if (!reader) return;
    for (;;) {
      const next = await reader.read().catch((cause: unknown) => {
        throw fail(signal.aborted ? tooLate(ms) : "The answer broke off.", cause);
      });
      if (signal.aborted) throw fail(tooLate(ms));
      if (next.done) return;
      yield next.value;
    }
  }
  return { bytes: read(), close };
}

const tooLate = (ms: number) => `It did not answer completely within ${ms / 1000} s.`;
