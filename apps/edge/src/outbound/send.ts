import { targetFault } from "../http/targets.ts";
import type { Services } from "../services.ts";
import { noAnswer, type Outcome, outcomeOf } from "./outcome.ts";
import { openTarget, providerOf, type Target } from "./target.ts";
import type { Claimed, Message } from "./topic.ts";

/** Sends a delivery to its endpoint, once. `answer` is what the provider says about a refusal. */
export async function send(
  services: Services,
  { id, workspaceId, endpointId, target: sealed }: Pick<Claimed, "id" | "workspaceId" | "endpointId" | "target">,
  message: Message,
): Promise<{ outcome: Outcome; answer: string | null }> {
  const { telegramUrl, allowLocalTargets, callTarget, now } = services;
  const target = await openTarget(services, { workspaceId, id: endpointId }, sealed);
  const provider = providerOf(target);
  const address = provider.addressOf?.(target);
  if (address !== undefined && targetFault(address, { allowLocal: allowLocalTargets })) {
    return { outcome: { kind: "failed", status: null, error: "not_allowed" }, answer: null };
  }
  const call = async (to: Target) => callTarget(await provider.request(to, { id, message, telegramUrl, now: now() }));
  try {
    const first = await call(target);
    const moved = provider.movedTo?.(target, first);
    const answer = moved ? await call(moved) : first;
    const refusal = answer.status < 400 ? undefined : provider.refusalOf?.(answer);
    return { outcome: outcomeOf(answer, provider.waitIn?.(answer.text)), answer: refusal ?? null };
  } catch (error) {
    return { outcome: noAnswer(error), answer: null };
  }
}
