import {
  type BinaryNode,
  getBinaryNodeChildString,
  type NewChatMessageCapInfo,
  QueryIds,
  type ReachoutTimelockState,
  S_WHATSAPP_NET,
  type WASocket,
  XWAPaths,
} from "@whiskeysockets/baileys";

/** What WhatsApp says about an account's limits. A missing field means that WhatsApp did not say. */
export interface LimitReport {
  /** Whether new chats are locked; `until` is null when the end is unknown. */
  lock?: { isActive: boolean; until: Date | null };
  /** How many new chats the account may open in this cycle; null: without limit. */
  newChats?: NewChats | null;
}

export interface NewChats {
  total: number;
  used: number;
  resetsAt: Date | null;
}

/** Receives limits that WhatsApp sends unasked. */
export interface LimitsListener {
  onLimits(report: LimitReport): void;
}

export function subscribeLimits(sock: WASocket, listener: LimitsListener): void {
  sock.ev.on("connection.update", ({ reachoutTimeLock }) => {
    if (reachoutTimeLock) listener.onLimits(reportOf({ lock: lockOf(reachoutTimeLock) }));
  });
  sock.ev.on("message-capping.update", (info) => listener.onLimits(reportOf({ newChats: newChatsOf(info) })));
}

/** Asks WhatsApp for both limits. An error or an empty answer leaves a limit out. Rejects when both are missing. */
export async function readLimits(sock: WASocket): Promise<LimitReport> {
  const [lock, cap] = await Promise.allSettled([
    ask(sock, QueryIds.REACHOUT_TIMELOCK, XWAPaths.xwa2_fetch_account_reachout_timelock, {}),
    ask(sock, QueryIds.MESSAGE_CAPPING_INFO, XWAPaths.xwa2_message_capping_info, {
      input: { type: "INDIVIDUAL_NEW_CHAT_MSG" },
    }),
  ]);
  if (lock.status === "rejected" && cap.status === "rejected") throw lock.reason;
  return reportOf({
    lock: lock.status === "fulfilled" ? lockOf(stateOf(lock.value)) : undefined,
    newChats: cap.status === "fulfilled" ? newChatsOf(cap.value) : undefined,
  });
}

/** Rejects at an error and at an empty answer. Baileys' own functions treat both as "no lock". */
async function ask(sock: WASocket, queryId: string, path: string, variables: object): Promise<object> {
  const attrs = { to: S_WHATSAPP_NET, type: "get", xmlns: "w:mex", id: sock.generateMessageTag() };
  const content = Buffer.from(JSON.stringify({ variables }));
  const query = { tag: "query", attrs: { query_id: queryId }, content };
  const answer = (await sock.query({ tag: "iq", attrs, content: [query] })) as BinaryNode | undefined;
  const { data, errors } = JSON.parse(getBinaryNodeChildString(answer, "result") ?? "{}") as MexAnswer;
  const said = data?.[path];
  if ((errors?.length ?? 0) > 0 || typeof said !== "object" || said === null) {
    throw new Error("WhatsApp did not say what the account may do");
  }
  return said;
}

interface MexAnswer {
  data?: Record<string, unknown> | null;
  errors?: unknown[];
}

function stateOf(said: object): Partial<ReachoutTimelockState> {
  const { is_active: isActive, time_enforcement_ends: ends } = said as Record<string, unknown>;
  const seconds = count(ends);
  return {
    ...(typeof isActive === "boolean" ? { isActive } : {}),
    ...(seconds > 0 ? { timeEnforcementEnds: new Date(seconds * 1000) } : {}),
  };
}

/** Leaves out what WhatsApp did not say. */
function reportOf({ lock, newChats }: { lock?: LimitReport["lock"]; newChats?: LimitReport["newChats"] }): LimitReport {
  return { ...(lock === undefined ? {} : { lock }), ...(newChats === undefined ? {} : { newChats }) };
}

/** Undefined when WhatsApp does not say whether there is a lock. */
export function lockOf({ isActive, timeEnforcementEnds }: Partial<ReachoutTimelockState>): LimitReport["lock"] {
  if (isActive === undefined) return undefined;
  return { isActive, until: isActive ? credible(timeEnforcementEnds) : null };
}

/**
 * Null for an account without a cap: it has a quota without a cycle, of which nothing is used. Undefined when WhatsApp says
 * neither a quota nor a status.
 */
export function newChatsOf(info: NewChatMessageCapInfo | null): LimitReport["newChats"] {
  // The value came over the wire; its type is not checked.
  const quota: unknown = info?.total_quota;
  const isQuotaSaid = quota !== undefined && quota !== null && Number.isFinite(Number(quota));
  if (!info || (info.capping_status === undefined && !isQuotaSaid)) return undefined;
  const [total, used, end] = [info.total_quota, info.used_quota, info.cycle_end_timestamp].map(count);
  const isCapped = String(info.capping_status) === "CAPPED";
  if (!isCapped && (!total || (!used && !end))) return null;
  // The status `capped` counts, even when the numbers say otherwise.
  return {
    total: total!,
    used: isCapped ? Math.max(used!, total!) : used!,
    resetsAt: end ? credible(new Date(end * 1000)) : null,
  };
}

const latest = Date.UTC(10_000, 0);

/** Null for a time that no calendar has, which could not be stored or reported. */
function credible(at: Date | undefined): Date | null {
  return at && at.getTime() < latest ? at : null;
}

/** Zero for anything but a positive integer, because the edge would refuse the whole event. */
function count(value: unknown): number {
  const number = Math.trunc(Number(value ?? 0));
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}
