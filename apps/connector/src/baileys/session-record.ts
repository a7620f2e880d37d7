/**
 * How many closed Signal sessions a record keeps, to decrypt messages that are still on their way. libsignal keeps 40, about
 * 1 KB each, and writes all of them for every message.
 */
const keptClosed = 5;

interface SessionRecord {
  _sessions?: Record<string, { indexInfo: { closed: number } }>;
}

/** Deletes the oldest closed sessions of a serialised record. */
export function trimSessions(record: object): void {
  const sessions = (record as SessionRecord)["_sessions"] ?? {};
  const closed = Object.entries(sessions).filter(([, { indexInfo }]) => indexInfo.closed !== -1);
  closed.sort(([, a], [, b]) => b.indexInfo.closed - a.indexInfo.closed);
  for (const [key] of closed.slice(keptClosed)) delete sessions[key];
}
