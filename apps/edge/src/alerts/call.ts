import type { AlertDeliveryTable } from "../db/schema.ts";
import { targetFault } from "../http/targets.ts";
import type { Services } from "../services.ts";
import { compose } from "./compose.ts";
import { movedTo, noAnswer, type Outcome, outcomeOf, refusalOf } from "./outcome.ts";
import type { Message } from "./render.ts";
import { openTarget, type Target } from "./repository.ts";

type Call = Pick<AlertDeliveryTable, "id" | "workspaceId" | "channelId"> & {
  /** Sealed. */
  target: string;
  message: Message;
};

/** Brings an alert to its channel's target, once; `answer` is what Telegram or Slack said of a refusal. */
export async function callChannel(
  services: Services,
  { id, workspaceId, channelId, target: sealed, message }: Call,
): Promise<{ outcome: Outcome; answer: string | null }> {
  const { telegramUrl, allowLocalTargets, callTarget, now } = services;
  const target = await openTarget(services, { workspaceId, id: channelId }, sealed);
  if (target.kind !== "telegram" && targetFault(target.url, { allowLocal: allowLocalTargets })) {
    return { outcome: { kind: "failed", status: null, error: "not_allowed" }, answer: null };
  }
  const callOf = (of: Target) => compose({ id, target: of, message, telegramUrl, now: now() });
  const first = await callOf(target);
  return callTarget(first)
    .then(async (answer) => {
      const chatId = movedTo(answer);
      return target.kind === "telegram" && chatId ? callTarget(await callOf({ ...target, chatId })) : answer;
    })
    .then(
      (answer) => ({ outcome: outcomeOf(answer), answer: refusalOf(target.kind, answer) }),
      (cause: unknown) => ({ outcome: noAnswer(cause), answer: null }),
    );
}
