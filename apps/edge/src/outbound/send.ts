import { targetFault } from "../http/targets.ts";
import type { Services } from "../services.ts";
import { noAnswer, type Outcome, outcomeOf } from "./outcome.ts";
import { openTarget, providerOf, type Target } from "./target.ts";
import type { Claimed, Message } from "./topic.ts";

/** What one request to an endpoint led to. */
export interface Sent {
  outcome: Outcome;
  /** What the provider says about a refusal. */
  refusal: string | null;
  /** The beginning of the answer's body. */
  text: string;
  /** Milliseconds. */
  startedAt: number;
  durationMs: number;
}

type Sendable = Pick<Claimed, "id" | "workspaceId" | "endpointId" | "target" | "isReplay">;

/** Sends a delivery to its endpoint, once. */
export async function send(services: Services, delivery: Sendable, message: Message): Promise<Sent> {
  const { now } = services;
  const startedAt = now().getTime();
  const answered = await call(services, delivery, message);
  return { ...answered, startedAt, durationMs: now().getTime() - startedAt };
}

async function call(
  services: Services,
  { id, workspaceId, endpointId, target: sealed, isReplay }: Sendable,
  message: Message,
): Promise<Omit<Sent, "startedAt" | "durationMs">> {
  const { telegramUrl, allowLocalTargets, callTarget, now } = services;
  const target = await openTarget(services, { workspaceId, id: endpointId }, sealed);
  const provider = providerOf(target);
  const address = provider.addressOf?.(target);
  if (address !== undefined && targetFault(address, { allowLocal: allowLocalTargets })) {
    const outcome = { kind: "failed", status: null, error: "not_allowed", retryAfterSeconds: null } as const;
    return { outcome, refusal: null, text: "" };
  }
  const sending = { id: message.id ?? id, message, telegramUrl, isReplay: isReplay === 1 };
  const post = async (to: Target) => callTarget(await provider.request(to, { ...sending, now: now() }));
  try {
    const first = await post(target);
    const moved = provider.movedTo?.(target, first);
    const answer = moved ? await post(moved) : first;
    const refusal = answer.status < 400 ? undefined : provider.refusalOf?.(answer);
    return {
      outcome: outcomeOf(answer, provider.waitIn?.(answer.text), now()),
      refusal: refusal ?? null,
      text: answer.text,
    };
  } catch (error) {
    return { outcome: noAnswer(error), refusal: null, text: "" };
  }
}
