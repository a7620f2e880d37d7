import type { AccountLimits } from "./limits.ts";
import type { Phone } from "../phone/phone.ts";
import { seconds, type World } from "../world.ts";

/** Whether an account may open new chats, in the server's form; a `send-error` 463 without `to` counts as a lock. */
export function lockStanding(world: World, phone: Phone) {
  const { lockedUntil } = phone.account.limits(world.now());
  const isFault = world.faults
    .list()
    .some(
      (one) =>
        one.kind === "send-error" &&
        one.code === 463 &&
        one.to === undefined &&
        (one.number ?? phone.number) === phone.number,
    );
  const ends = lockedUntil === null ? seconds(world) + 3600 : Math.ceil(Date.parse(lockedUntil) / 1000);
  const isActive = lockedUntil !== null || isFault;
  return {
    is_active: isActive,
    time_enforcement_ends: isActive ? String(ends) : "0",
    enforcement_type: "DEFAULT",
  };
}

type CappingStatus = "NONE" | "FIRST_WARNING" | "SECOND_WARNING" | "CAPPED";

export function cappingStatus({ newChats }: AccountLimits): CappingStatus {
  if (!newChats) return "NONE";
  const share = newChats.total === 0 ? 1 : newChats.used / newChats.total;
  if (share >= 1) return "CAPPED";
  if (share >= 0.9) return "SECOND_WARNING";
  return share >= 0.75 ? "FIRST_WARNING" : "NONE";
}

/** How many new chats the account may open. Without a cap: a quota that no test reaches. */
export function capStanding(world: World, phone: Phone) {
  const limits = phone.account.limits(world.now());
  const { newChats } = limits;
  const end = newChats ? Math.ceil(Date.parse(newChats.resetsAt) / 1000) : 0;
  return {
    total_quota: newChats?.total ?? 1000,
    used_quota: newChats?.used ?? 0,
    cycle_start_timestamp: String(newChats ? end - Math.ceil(newChats.cycleMs / 1000) : 0),
    cycle_end_timestamp: String(end),
    server_sent_timestamp: String(seconds(world)),
    ote_status: "NOT_ELIGIBLE",
    mv_status: "NOT_ELIGIBLE",
    capping_status: cappingStatus(limits),
  };
}
