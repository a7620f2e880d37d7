import type { LimitsPatch } from "./limits.ts";
import type { Phone } from "../phone/phone.ts";
import { node, serverJid } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import type { Refusal, ReportedLimits } from "./account.ts";
import { cappingStatus, capStanding, lockStanding } from "./standing.ts";

const codes: Record<Refusal, number> = { rate: 429, locked: 463, capped: 463, banned: 403 };
const longestTimerMs = 86_400_000;

/** The code with which the server refuses a companion's message; undefined if the server accepts it. */
export function refusalOf(world: World, sender: Phone, recipient: Phone | undefined): number | undefined {
  const isCold = recipient !== undefined && recipient !== sender && !sender.account.known.has(recipient.number);
  const { refusal, changed } = sender.account.judge(isCold, world.now());
  if (refusal === "locked") world.counters.lockHits++;
  if (refusal === "capped") world.counters.capHits++;
  if (refusal === "rate") world.counters.rateRefusals++;
  if (changed) notifyChange(world, sender);
  return refusal && codes[refusal];
}

/** From now on the two have a chat. */
export function acquaint(one: Phone, other: Phone): void {
  if (one === other || (one.account.known.has(other.number) && other.account.known.has(one.number))) return;
  one.account.known.add(other.number);
  other.account.known.add(one.number);
  one.dirty = true;
  other.dirty = true;
}

/** Sets other limits on the control API. */
export function changeLimits(world: World, phone: Phone, patch: LimitsPatch): void {
  phone.account.change(patch, world.now());
  notifyChange(world, phone);
}

/** Starts to notify of changes and to end limits in time, for stored limits as well. */
export function watchLimits(world: World, phone: Phone): void {
  phone.account.reported = reportedLimitsOf(world, phone);
  watchEnd(world, phone);
}

function watchEnd(world: World, phone: Phone): void {
  const { account } = phone;
  account.unwatch?.();
  const now = world.now();
  const end = account.nextEnd(now);
  account.unwatch =
    end === undefined
      ? undefined
      : world.timers.after(Math.min(end - now, longestTimerMs), () => notifyChange(world, phone));
}

function reportedLimitsOf(world: World, phone: Phone): ReportedLimits {
  const limits = phone.account.limits(world.now());
  const { newChats } = limits;
  return {
    lockedUntil: limits.lockedUntil,
    // One more new chat is not reported. A warning, another quota or another cycle is.
    capping: `${cappingStatus(limits)} ${newChats?.total} ${newChats?.resetsAt}`,
    isBanned: limits.isBanned,
  };
}

function notifyChange(world: World, phone: Phone): void {
  phone.dirty = true;
  const before = phone.account.reported;
  const after = reportedLimitsOf(world, phone);
  phone.account.reported = after;
  if (after.lockedUntil !== (before?.lockedUntil ?? null)) {
    push(world, phone, "NotificationUserReachoutTimelockUpdate", {
      xwa2_notify_account_reachout_timelock: lockStanding(world, phone),
    });
  }
  if (after.capping !== before?.capping) {
    push(world, phone, "MessageCappingInfoNotification", {
      xwa2_notify_new_chat_messages_capping_info_update: capStanding(world, phone),
    });
  }
  if (after.isBanned && !before?.isBanned) disconnectAll(world, phone);
  watchEnd(world, phone);
  world.emit({ type: "phone", phone: phone.info() });
}

/** Notifies the connected companions; the others ask at their next login. */
function push(world: World, phone: Phone, operation: string, data: object): void {
  if (phone.account.limits(world.now()).isQuiet) return;
  for (const device of phone.devices.values()) {
    if (!device.mailbox.isRead) continue;
    const attrs = { id: world.random(6).toString("hex"), from: serverJid, type: "mex", t: seconds(world) };
    const update = node("update", { op_name: operation }, Buffer.from(JSON.stringify({ data })));
    device.mailbox.deliver(node("notification", attrs, [update]));
  }
}

function disconnectAll(world: World, phone: Phone): void {
  world.counters.bans++;
  // The ack that refuses the message goes first.
  world.timers.after(0, () => {
    for (const device of phone.devices.values()) {
      for (const socket of device.sockets) socket.end(node("failure", { reason: 403, location: "sim" }));
    }
  });
}
