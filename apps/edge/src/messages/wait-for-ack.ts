import type { Message } from "@sandi/contracts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { takeWait } from "../rate-limits/waits.ts";
import { toMessage } from "./present.ts";
import { findMessage } from "./repository.ts";

export const longestWaitSeconds = 25;
/** A look at the database may take this long after the end of the wait. */
const lastLookMs = 10_000;

/** Between two looks at the database. The last one repeats. */
const pausesMs = [400, 600, 1_000, 1_500, 2_500, 4_000];

/** The seconds of `Prefer: wait=…` (RFC 7240); 0 without it. */
export function waitOf(prefer: string | undefined): number {
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?([0-9]{1,4})"?\s*(?=$|[,;])/i.exec(prefer ?? "")?.[1];
  return Math.min(longestWaitSeconds, Number(seconds ?? 0));
}

const waits = ({ status }: Message) => status === "queued" || status === "sending";

/**
 * The message as soon as WhatsApp has acknowledged it or it has ended, at the latest after `seconds`. Undefined: the
 * request does not wait, because the message does not, or because too many requests of the key do.
 */
export async function waitForAck(ctx: Context, message: Message, seconds: number): Promise<Message | undefined> {
  const { services, actor } = ctx;
  if (seconds === 0 || !waits(message)) return undefined;
  const leave = await takeWait(services, actor, seconds * 1000 + lastLookMs);
  if (!leave) return undefined;
  try {
    return await lookUntilSent(ctx, message, seconds * 1000);
  } finally {
    leave();
  }
}

async function lookUntilSent({ services, actor }: Context, message: Message, ms: number): Promise<Message> {
  const { db, now, sleep } = services;
  const until = now().getTime() + ms;
  let newest = message;
  let leftMs = ms;
  for (let look = 0; waits(newest) && leftMs > 0; look++) {
    const pauseMs = Math.min(leftMs, pausesMs[look] ?? pausesMs.at(-1)!);
    await sleep(pauseMs);
    const at = now().getTime();
    leftMs = Math.min(leftMs - pauseMs, until - at);
    const row = await findMessage(db, tenantOf(actor), message.id, at);
    if (!row) return newest;
    newest = toMessage(row, { now: at, scopes: actor.scopes });
  }
  return newest;
}
