import { LRUCache } from "lru-cache";

/**
 * Makes the times of received messages' ids and of sent messages' positions. WhatsApp's times are whole seconds: the
 * milliseconds keep messages of one second in the order in which they arrived or were sent.
 */
export function createMessageTimes(): (sessionId: string, at: Date, now: Date) => Date {
  const latest = new LRUCache<string, number>({ max: 20_000 });
  return (sessionId, at, now) => {
    const second = at.getTime() - (at.getTime() % 1000);
    const end = second + 999;
    const before = latest.get(sessionId) ?? 0;
    const isSameSecond = before >= second && before <= end;
    const time = isSameSecond ? Math.min(before + 1, end) : Math.min(Math.max(second, now.getTime()), second + 500);
    latest.set(sessionId, time);
    return new Date(time);
  };
}
