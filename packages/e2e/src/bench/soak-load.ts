import { setTimeout as sleep } from "node:timers/promises";
import type { Message, Verification } from "@sandi/contracts";
import type { Stack } from "@sandi/local-stack";
import type { LinkedSession } from "./linked-sessions.ts";

/** An accepted request, and what a phone must show for it. */
export interface Accepted {
  kind: "code" | "text" | "inbound";
  id: string;
  recipient: string;
  /** A part of the text that no other message has. */
  mark: string;
}

export interface Load {
  accepted: Accepted[];
  /** Requests that were not accepted, by their answer. */
  refused: Map<string, number>;
}

interface Options {
  stack: Pick<Stack, "simulatorUrl">;
  sessions: readonly LinkedSession[];
  recipients: readonly string[];
  perSecond: number;
  seconds: number;
}

/** How many of a row of requests are texts and inbound verifications. The others are codes. */
const turn = { of: 10, texts: 3, inbound: 1 };

/** Sends codes, texts and inbound verifications at an even pace, with each session in turn. */
export async function runLoad({ stack, sessions, recipients, perSecond, seconds }: Options): Promise<Load> {
  const load: Load = { accepted: [], refused: new Map() };
  const underway = new Set<Promise<void>>();
  const startedAt = performance.now();
  const count = Math.round(perSecond * seconds);
  for (let i = 0; i < count; i++) {
    const session = sessions[i % sessions.length]!;
    const recipient = recipients[i % recipients.length]!;
    const request = one(stack, session, { recipient, index: i })
      .then(
        (accepted) => void load.accepted.push(accepted),
        (error: unknown) => {
          const why = error instanceof Error ? error.message.slice(0, 160) : String(error);
          load.refused.set(why, (load.refused.get(why) ?? 0) + 1);
        },
      )
      .finally(() => underway.delete(request));
    underway.add(request);
    const early = startedAt + ((i + 1) * 1000) / perSecond - performance.now();
    if (early > 0) await sleep(early);
  }
  await Promise.all(underway);
  return load;
}

async function one(
  stack: Options["stack"],
  { sessionId, number, call }: LinkedSession,
  { recipient, index }: { recipient: string; index: number },
): Promise<Accepted> {
  const place = index % turn.of;
  const purpose = `soak-${index}`;
  const route = { sessionId };
  if (place < turn.texts) {
    const mark = `parcel ${index} of`;
    const text = `This is ${mark} your order.`;
    const { id } = await call<Message>("POST /v1/messages", { sessionId, to: recipient, type: "text", text });
    return { kind: "text", id, recipient, mark };
  }
  if (place < turn.texts + turn.inbound) {
    const input = { to: recipient, mode: "inbound", purpose, route };
    const { id, inbound } = await call<Verification>("POST /v1/verifications", input);
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ link: inbound?.link });
    await fetch(`${stack.simulatorUrl ?? ""}/phones/${recipient}/open-link`, { method: "POST", headers, body });
    return { kind: "inbound", id, recipient, mark: number };
  }
  const code = String(10_000_000 + index);
  const { id } = await call<Verification>("POST /v1/verifications", { to: recipient, code, purpose, route });
  return { kind: "code", id, recipient, mark: code };
}
