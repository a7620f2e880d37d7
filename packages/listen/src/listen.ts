import { setTimeout } from "node:timers/promises";
import type { Writable } from "node:stream";
import { generateWebhookSecret, webRandom } from "@sandi/crypto";
import { follow } from "./follow.ts";
import { forward, type Forwarded } from "./forward.ts";
import { jsonLineOf, lineOf, type Paint } from "./line.ts";
import type { Options } from "./options.ts";

interface Terminal {
  /** Events. */
  out: Writable;
  /** Everything else. */
  err: Writable;
  paint: Paint;
  signal: AbortSignal;
}

/** Prints and forwards events until the signal ends it. Throws `Refused`. */
export async function listen(options: Options, { out, err, paint, signal }: Terminal): Promise<void> {
  const { forwardTo, json } = options;
  const say = (line: string) => void err.write(`${paint("dim", line)}\n`);
  const sleep = (ms: number) => setTimeout(ms, undefined, { signal }).catch(() => undefined);
  const secret = options.secret ?? generateWebhookSecret(webRandom);
  if (forwardTo !== undefined && options.secret === undefined) {
    err.write(`Events are signed with the secret ${secret}\n`);
  }
  say(`listening to ${options.url}${forwardTo === undefined ? "" : `, forwarding to ${forwardTo}`}; Ctrl-C ends`);
  for await (const received of follow({ ...options, signal, say, sleep })) {
    out.write(`${json ? jsonLineOf(received.event) : lineOf(received.event, paint)}\n`);
    if (forwardTo === undefined) continue;
    const forwarded = await forward({ url: forwardTo, secret, signal, now: () => new Date(), sleep }, received);
    if (!signal.aborted) (json ? err : out).write(`  ${answerOf(forwarded, paint)}\n`);
  }
}

function answerOf(forwarded: Forwarded, paint: Paint): string {
  if ("error" in forwarded) return paint("red", `→ ${forwarded.error}`);
  const { status, ms } = forwarded;
  return paint(status >= 200 && status < 300 ? "green" : "red", `→ ${status} in ${ms} ms`);
}
