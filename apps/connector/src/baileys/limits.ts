import type { NewChatMessageCapInfo, ReachoutTimelockState, WASocket } from "@whiskeysockets/baileys";

/** What WhatsApp says of an account; what is absent was not said. */
export interface LimitNews {
  /** Whether new chats are locked; `until` is null when it does not say for how long. */
  lock?: { isActive: boolean; until: Date | null };
  /** How many new chats the account may open in this cycle; null: as many as it likes. */
  newChats?: NewChats | null;
}

export interface NewChats {
  total: number;
  used: number;
  resetsAt: Date | null;
}

/** What a socket tells of its account by itself. */
export interface LimitsListener {
  onLimits(news: LimitNews): void;
}

export function takeLimits(sock: WASocket, listener: LimitsListener): void {
  sock.ev.on("connection.update", ({ reachoutTimeLock }) => {
    if (reachoutTimeLock) listener.onLimits({ lock: lockOf(reachoutTimeLock) });
  });
  sock.ev.on("message-capping.update", (info) => listener.onLimits({ newChats: newChatsOf(info) }));
}

/** Asks WhatsApp for both; rejects when it answers neither. */
export async function readLimits(sock: WASocket): Promise<LimitNews> {
  const [lock, cap] = await Promise.allSettled([sock.fetchAccountReachoutTimelock(), sock.fetchNewChatMessageCap()]);
  if (lock.status === "rejected" && cap.status === "rejected") throw lock.reason;
  return {
    ...(lock.status === "fulfilled" ? { lock: lockOf(lock.value) } : {}),
    ...(cap.status === "fulfilled" ? { newChats: newChatsOf(cap.value) } : {}),
  };
}

export function lockOf({ isActive, timeEnforcementEnds }: ReachoutTimelockState): NonNullable<LimitNews["lock"]> {
  return { isActive: isActive === true, until: isActive ? credible(timeEnforcementEnds) : null };
}

/** A quota without a cycle, of which nothing is used, is what accounts have that are not capped. */
export function newChatsOf(info: NewChatMessageCapInfo | null): NewChats | null {
  const [total, used, end] = [info?.total_quota, info?.used_quota, info?.cycle_end_timestamp].map(count);
  const isCapped = String(info?.capping_status) === "CAPPED";
  if (!isCapped && (!total || (!used && !end))) return null;
  // Capped is capped, whatever the numbers say.
  return {
    total: total!,
    used: isCapped ? Math.max(used!, total!) : used!,
    resetsAt: end ? credible(new Date(end * 1000)) : null,
  };
}

const latest = Date.UTC(10_000, 0);

/** A time that a calendar has: others cannot be stored, told, or waited for. */
function credible(at: Date | undefined): Date | null {
  return at && at.getTime() < latest ? at : null;
}

function count(value: unknown): number {
  const number = Math.trunc(Number(value ?? 0));
  return Number.isFinite(number) && number > 0 ? number : 0;
}
