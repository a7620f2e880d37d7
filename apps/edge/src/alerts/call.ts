import type { AlertDeliveryTable } from "../db/schema.ts";
import { targetFault } from "../http/targets.ts";
import type { Services } from "../services.ts";
import { compose } from "./compose.ts";
import { noAnswer, type Outcome, outcomeOf, refusalOf } from "./outcome.ts";
import type { Told } from "./render.ts";
import { openTarget } from "./repository.ts";

type Call = Pick<AlertDeliveryTable, "id" | "workspaceId" | "channelId" | "incidentId" | "what"> & {
  /** Sealed. */
  target: string;
  told: Told | undefined;
  name: string | null;
  phone: string | null;
};

/** Brings an alert to its channel's target, once; `answer` is what Telegram or Slack said of a refusal. */
export async function callChannel(
  services: Services,
  { id, workspaceId, channelId, incidentId, what, target: sealed, told, name, phone }: Call,
): Promise<{ outcome: Outcome; answer: string | null }> {
  const { publicUrl, telegramUrl, allowLocalTargets, callTarget, now } = services;
  const target = await openTarget(services, { workspaceId, id: channelId }, sealed);
  if (target.kind !== "telegram" && targetFault(target.url, { allowLocal: allowLocalTargets })) {
    return { outcome: { kind: "failed", status: null, error: "not_allowed" }, answer: null };
  }
  const alert = { what, told, name, phone, publicUrl };
  const call = await compose({ id, incidentId, target, alert, telegramUrl, now: now() });
  return callTarget(call).then(
    (answer) => ({ outcome: outcomeOf(answer), answer: refusalOf(target.kind, answer) }),
    (cause: unknown) => ({ outcome: noAnswer(cause), answer: null }),
  );
}
