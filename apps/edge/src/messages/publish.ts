import type { Services } from "../services.ts";
import { iso } from "./present.ts";
import { markUnpublished } from "./repository.ts";

/** How long after a create the cron may publish it again. */
export const firstPublishMs = 15_000;
/** And after its first publish by the cron: less than a minute, for the cron's ticks are not exact. */
export const republishMs = 50_000;

interface Publishable {
  id: string;
  sessionId: string;
  expiresAt: number;
  publishCount: number;
}

export function sendJob({ id, sessionId, expiresAt, publishCount }: Publishable) {
  return {
    kind: "send" as const,
    body: { messageId: id, sessionId, expiresAt: iso(expiresAt) },
    deduplicationId: `${id}.${publishCount}`,
  };
}

/** Publishes beside the answer: the row is the promise, so a publish that fails is left to the cron. */
export function publishLater(services: Services, workspaceId: string, message: Publishable): void {
  const { db, now, publish, log } = services;
  const work = async () => {
    try {
      await publish(sendJob(message));
    } catch (error) {
      log(`${message.id} was not published; cron will`, error);
      await markUnpublished(db, workspaceId, { id: message.id, now: now().getTime() });
    }
  };
  services.waitUntil(work().catch((error: unknown) => log(`${message.id} waits for its second chance`, error)));
}
