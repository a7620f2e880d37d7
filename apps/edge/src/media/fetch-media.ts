import { AppError } from "@sandi/contracts";
import { targetFault } from "../http/targets.ts";
import type { Services } from "../services.ts";
import { cleanFileName, dispositionOf, fileNameOf } from "./disposition.ts";
import { readAll } from "./sealed-object.ts";

const mostRedirects = 3;
const fetchMs = 30_000;
const redirects = new Set([301, 302, 303, 307, 308]);

/** What a customer's address answered. */
export interface Fetched {
  type: string;
  fileName: string | undefined;
  /** Undefined: not announced. */
  size: number | undefined;
  /** Throws `media-not-fetched` when the answer breaks off, or lasts longer than 30 s. */
  bytes: AsyncGenerator<Uint8Array>;
}

/**
 * Fetches a file from an address that a customer gave. Each address on the way must be on the public internet. The runtime
 * refuses names that resolve to private addresses.
 */
export async function fetchMedia(services: Services, url: string): Promise<Fetched> {
  const signal = services.timeout(fetchMs);
  const { answer, from } = await follow(services, url, signal);
  if (answer.status !== 200 || !answer.body) {
    void answer.body?.cancel().catch(() => undefined);
    throw notFetched(`It answered ${answer.status}.`);
  }
  const length = answer.headers.get("content-length");
  return {
    type: answer.headers.get("content-type") ?? "",
    fileName: fileNameOf(dispositionOf(answer.headers.get("content-disposition") ?? "")) ?? nameIn(from),
    // The length of a compressed answer is not that of the file.
    size: length === null || answer.headers.has("content-encoding") ? undefined : Number(length),
    bytes: untilTimeOut(answer.body, signal),
  };
}

async function follow({ fetchFrom, allowLocalTargets }: Services, url: string, signal: AbortSignal) {
  let from = url;
  for (let hops = 0; ; hops++) {
    const fault = targetFault(from, { allowLocal: allowLocalTargets });
    if (fault !== undefined && hops === 0) throw wrongUrl(fault);
    if (fault !== undefined) throw notFetched("It redirects to an address that is not allowed.");
    const answer = await fetchFrom(from, signal).catch((cause: unknown) => {
      throw notFetched(signal.aborted ? timeOut : "It does not answer.", cause);
    });
    if (!redirects.has(answer.status)) return { answer, from };
    void answer.body?.cancel().catch(() => undefined);
    const location = answer.headers.get("location") ?? "";
    if (!URL.canParse(location, from)) throw notFetched("It redirects to no address.");
    if (hops === mostRedirects) throw notFetched(`It redirects more than ${mostRedirects} times.`);
    from = new URL(location, from).href;
  }
}

async function* untilTimeOut(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const bytes = readAll(body);
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(notFetched(timeOut)), { once: true });
  });
  // Nobody may wait for it.
  ended.catch(() => undefined);
  try {
    for (;;) {
      if (signal.aborted) throw notFetched(timeOut);
      const next = bytes.next().catch((cause: unknown) => {
        throw notFetched("The answer broke off.", cause);
      });
      const { done, value } = await Promise.race([next, ended]);
      if (done) return;
      yield value;
    }
  } finally {
    void bytes.return(undefined).catch(() => undefined);
    void body.cancel().catch(() => undefined);
  }
}

const timeOut = `It did not answer completely within ${fetchMs / 1000} s.`;

const notFetched = (detail: string, cause?: unknown) => new AppError("media-not-fetched", { detail, cause });

/** The name at the end of an address. */
function nameIn(url: string): string | undefined {
  const last = new URL(url).pathname.split("/").at(-1) ?? "";
  try {
    return cleanFileName(decodeURIComponent(last));
  } catch {
    return cleanFileName(last);
  }
}

const wrongUrl = (message: string) => new AppError("invalid-request", { errors: [{ pointer: "/media/url", message }] });
