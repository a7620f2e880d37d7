import type { Message } from "@sandi/contracts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { toMessage } from "./present.ts";
import { findMessage } from "./repository.ts";

export const longestWaitSeconds = 25;
/** Requests of one key that wait in this instance of the Worker. Others are answered at once. */
const mostWaiting = 10;

/** Between two looks at the database. The last one repeats. */
const pausesMs = [400, 600, 1_000, 1_500, 2_500, 4_000];

/** The seconds of `Prefer: wait=…` (RFC 7240); 0 without it. */
export function waitOf(prefer: string | undefined): number {
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?([0-9]{1,4})"?\s*(?=$|[,;])/i.exec(prefer ?? "")?.[1];
  return Math.min(longestWaitSeconds, Number(seconds ?? 0));
}

const waits = ({ status }: Message) => status === "queued" || status === "sending";

/** The message as soon as WhatsApp has acknowledged it or it has ended, at the latest after `seconds`. */
export async function waitForAck(
  ctx: Context,
  message: Message,
  seconds: number,
): Promise<{ message: Message; hasWaited: boolean }> {
  const { services, actor } = ctx;
  const { waiting, sleep, now, db } = services;
  const key = actor.by.id;
  const others = waiting.get(key) ?? 0;
  if (seconds === 0 || !waits(message) || others >= mostWaiting) return { message, hasWaited: false };
  waiting.set(key, others + 1);
  try {
    const until = now().getTime() + seconds * 1000;
    let newest = message;
    let leftMs = seconds * 1000;
    for (let look = 0; waits(newest) && leftMs > 0; look++) {
      const pauseMs = Math.min(leftMs, pausesMs[look] ?? pausesMs.at(-1)!);
      await sleep(pauseMs);
      leftMs = Math.min(leftMs - pauseMs, until - now().getTime());
      const at = now().getTime();
      const row = await findMessage(db, tenantOf(actor), message.id, at);
      if (!row) break;
      newest = toMessage(row, { now: at, scopes: actor.scopes });
    }
    return { message: newest, hasWaited: true };
  } finally {
    const left = (waiting.get(key) ?? 1) - 1;
    if (left > 0) waiting.set(key, left);
    else waiting.delete(key);
  }
}
