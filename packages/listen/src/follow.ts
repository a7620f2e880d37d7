import type { Event, Problem } from "@sandi/contracts";
import { createParser } from "eventsource-parser";
import { plain } from "./line.ts";

/** An event, and its JSON as the stream sent it. */
export interface ReceivedEvent {
  event: Event;
  text: string;
}

interface Following {
  url: string;
  key: string;
  types: readonly string[];
  session: string | undefined;
  signal: AbortSignal;
  /** Says that the stream has begun, ended or could not begin. */
  say: (line: string) => void;
  /** Waits; ends early when the signal does. */
  sleep: (ms: number) => Promise<void>;
}

/** Sandi refuses: another try would be refused, too. */
export class Refused extends Error {
  override readonly name = "Refused";
}

const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** Three heartbeats are missing. */
const silenceMs = 45_000;

/**
 * The events from now on, each once. It connects again when the connection breaks, and goes on after the last event that was
 * taken, so that none is missing. Ends with the signal; throws `Refused`.
 */
export async function* follow(following: Following): AsyncGenerator<ReceivedEvent> {
  const { signal, say, sleep } = following;
  const position: Position = { lastId: undefined, retryMs: firstPauseMs };
  for (let failures = 0; !signal.aborted;) {
    let pauseMs = position.retryMs;
    try {
      const response = await connect(following, position);
      if (response.ok) {
        if (failures > 0) say("connected again");
        failures = 0;
        yield* readStream(response, position, signal);
        pauseMs = position.retryMs;
      } else {
        pauseMs = await pauseAfter(response);
        say(`Sandi answers ${response.status}: trying again in ${Math.ceil(pauseMs / 1000)} s`);
        failures++;
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
      if (signal.aborted) return;
      pauseMs = Math.min(longestPauseMs, position.retryMs * 2 ** failures);
      if (failures === 0) say(`${reasonOf(error)}: connecting again`);
      failures++;
    }
    await sleep(pauseMs);
  }
}

interface Position {
  /** The position behind the last event that was taken. */
  lastId: string | undefined;
  retryMs: number;
}

async function connect({ url, key, types, session, signal }: Following, { lastId }: Position): Promise<Response> {
  const query = new URLSearchParams(types.map((type) => ["type", type]));
  if (session !== undefined) query.set("sessionId", session);
  const headers = {
    authorization: `Bearer ${key}`,
    accept: "text/event-stream",
    ...(lastId === undefined ? {} : { "last-event-id": lastId }),
  };
  // Of the answer's beginning only: the stream itself lasts.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error("no answer")), silenceMs);
  const either = AbortSignal.any([signal, late.signal]);
  return fetch(`${url}/v1/events?${query.toString()}`, { headers, redirect: "error", signal: either }).finally(() =>
    clearTimeout(timer),
  );
}

interface Part {
  id: string | undefined;
  data?: string;
}

async function* readStream(response: Response, position: Position, signal: AbortSignal): AsyncGenerator<ReceivedEvent> {
  let parts: Part[] = [];
  const parser = createParser({
    onId: (id) => parts.push({ id }),
    onEvent: ({ id, data }) => {
      // An event's id was reported before it.
      if (id !== undefined) parts.pop();
      parts.push({ id, data });
    },
    onRetry: (ms) => (position.retryMs = Math.min(ms, longestPauseMs)),
  });
  for await (const text of textsOf(response)) {
    parser.feed(text);
    const taken = parts;
    parts = [];
    for (const { id, data } of taken) {
      if (signal.aborted) return;
      if (data !== undefined) yield { event: JSON.parse(data) as Event, text: data };
      position.lastId = id ?? position.lastId;
    }
  }
}

/** The texts of a stream. Throws when nothing comes for too long: then the connection is broken. */
async function* textsOf(response: Response): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  try {
    for (;;) {
      const silence = Promise.withResolvers<never>();
      const timer = setTimeout(() => silence.reject(new Error("nothing comes any more")), silenceMs);
      const { done, value } = await Promise.race([reader.read(), silence.promise]).finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** How long to wait after a refusal that may pass; throws `Refused` for others. */
async function pauseAfter(response: Response): Promise<number> {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  if (response.status === 429 || response.status >= 500) {
    await response.body?.cancel();
    return Number.isFinite(seconds) ? seconds * 1000 : longestPauseMs;
  }
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
  const fields = problem.errors?.map(({ pointer, message }) => `${pointer} ${message}`) ?? [];
  const reasons = [problem.title ?? `status ${response.status}`, problem.detail, ...fields];
  throw new Refused(`Sandi refuses: ${plain(reasons.filter(Boolean).join(". "))}`);
}

/** `fetch` hides the reason in its cause. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code ?? (error instanceof Error ? error.message : String(error));
}
