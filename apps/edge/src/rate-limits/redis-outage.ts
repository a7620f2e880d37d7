import type { Services } from "../services.ts";

const pauseMs = 2_000;

/**
 * Asks Redis; undefined while Redis does not answer. After a pause one request tries again, and the others do not wait.
 * So a Redis outage delays only one request of each isolate at a time.
 */
export async function unlessAway<Answer>(
  { now, redisOutage: outage }: Pick<Services, "now" | "redisOutage">,
  failed: (error: unknown) => void,
  ask: () => Promise<Answer>,
): Promise<Answer | undefined> {
  const at = now().getTime();
  if (at < outage.pausedUntil) return undefined;
  if (outage.pausedUntil > 0) outage.pausedUntil = at + pauseMs;
  try {
    const answer = await ask();
    outage.pausedUntil = 0;
    return answer;
  } catch (error) {
    outage.pausedUntil = now().getTime() + pauseMs;
    failed(error);
    return undefined;
  }
}
