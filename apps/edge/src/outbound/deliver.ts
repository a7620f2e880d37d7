import type { Services } from "../services.ts";
import { claimDelivery, type NotYet } from "./claim.ts";
import { notSendable, type Outcome } from "./outcome.ts";
import { recordAttempt } from "./record-attempt.ts";
import { send, type Sent } from "./send.ts";
import type { Claimed, Topic } from "./topic.ts";

/** A request goes on with the next delivery of a lane for so long: one more attempt still fits into QStash's time-out. */
const lastStartMs = 10_000;

/** Sends one delivery, and those behind it in its lane; undefined when there is nothing to do. */
export async function deliver(
  services: Services,
  topics: readonly Topic[],
  id: string,
): Promise<Outcome | NotYet | undefined> {
  const { now } = services;
  const lastStart = now().getTime() + lastStartMs;
  const claimed = await claimDelivery(services, id);
  if (claimed === undefined || "retryAfterSeconds" in claimed) return claimed;
  let first: Outcome | undefined;
  let delivery: Claimed | undefined = claimed;
  for (let isFirst = true; delivery; isFirst = false) {
    const topic = topicOf(topics, delivery);
    const sent = await attempt(services, topic, delivery);
    if (isFirst) first = sent?.outcome;
    const goesOn = now().getTime() < lastStart;
    delivery = await recordAttempt(services, topics, { delivery, topic, sent, goesOn });
  }
  return first;
}

/** Composes and sends a delivery; undefined: there is nothing to tell. */
async function attempt(services: Services, topic: Topic, delivery: Claimed): Promise<Sent | undefined> {
  const startedAt = services.now().getTime();
  try {
    const message = await topic.compose(services, delivery);
    return message && (await send(services, delivery, message));
  } catch (error) {
    // Recorded, so that a delivery that can never be sent ends by the schedule, and does not hold its lane for ever.
    services.log(`${delivery.id} could not be sent`, error);
    const durationMs = services.now().getTime() - startedAt;
    return { outcome: notSendable, refusal: null, text: "", startedAt, durationMs };
  }
}

function topicOf(topics: readonly Topic[], delivery: Claimed): Topic {
  const topic = topics.find(({ name }) => name === delivery.topic);
  if (!topic) throw new Error(`no feature sends deliveries of the topic ${delivery.topic}`);
  return topic;
}
