import { signWebhook } from "@sandi/crypto";
import type { ReceivedEvent } from "./follow.ts";

interface Forwarding {
  url: string;
  secret: string;
  signal: AbortSignal;
  now: () => Date;
  sleep: (ms: number) => Promise<void>;
}

/** What became of an event: the app's status and how long it took, or why there was no answer. */
export type Forwarded = { status: number; ms: number } | { error: string };

/** An app that is being restarted refuses connections for a moment. */
const pausesMs = [250, 1_000, 3_000];
/** As long as Sandi waits for a webhook's answer. */
const answerMs = 15_000;

/** Posts an event to an app with the headers of a webhook. A refused connection is tried again a few times. */
export async function forward(
  { url, secret, signal, now, sleep }: Forwarding,
  { event, text }: ReceivedEvent,
): Promise<Forwarded> {
  for (let attempt = 0; ; attempt++) {
    const at = now().getTime();
    const timestamp = Math.floor(at / 1000);
    const headers = {
      "content-type": "application/json",
      "user-agent": "Sandi/1",
      "webhook-id": event.id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": await signWebhook({ secrets: [secret], id: event.id, timestamp, body: text }),
    };
    try {
      const response = await fetch(url, {
        method: "POST",
        headers,
        body: text,
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
      });
      await response.body?.cancel();
      return { status: response.status, ms: now().getTime() - at };
    } catch (error) {
      const { name, cause } = error as { name?: string; cause?: { code?: string } };
      if (name === "TimeoutError") return { error: `no answer in ${answerMs / 1000} s` };
      const pauseMs = pausesMs[attempt];
      if (signal.aborted || cause?.code !== "ECONNREFUSED" || pauseMs === undefined) {
        return { error: cause?.code ?? "no answer" };
      }
      await sleep(pauseMs);
    }
  }
}
