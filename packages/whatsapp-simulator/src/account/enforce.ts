import type { LimitsPatch } from "../api.ts";
import type { Phone } from "../phone/phone.ts";
import { node, serverJid } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import type { Refusal, Told } from "./account.ts";
import { cappingStatus, capStanding, lockStanding } from "./standing.ts";

const codes: Record<Refusal, number> = { rate: 429, locked: 463, capped: 463, banned: 403 };
const longestTimerMs = 86_400_000;

/** The code with which the server refuses a companion's message, or nothing when it takes it. */
export function refusalOf(world: World, sender: Phone, recipient: Phone | undefined): number | undefined {
  const isCold = recipient !== undefined && recipient !== sender && !sender.account.known.has(recipient.number);
  const { refusal, changed } = sender.account.judge(isCold, world.now());
  if (refusal === "locked") world.counters.lockHits++;
  if (refusal === "capped") world.counters.capHits++;
  if (refusal === "rate") world.counters.rateRefusals++;
  if (changed) tellChange(world, sender);
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

/** Somebody sets other limits. */
export function changeLimits(world: World, phone: Phone, patch: LimitsPatch): void {
  phone.account.change(patch, world.now());
  tellChange(world, phone);
}

/** From now on changes are told, and limits end by themselves; those that were stored, too. */
export function watchLimits(world: World, phone: Phone): void {
  phone.account.told = toldOf(world, phone);
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
      : world.timers.after(Math.min(end - now, longestTimerMs), () => tellChange(world, phone));
}

function toldOf(world: World, phone: Phone): Told {
  const limits = phone.account.limits(world.now());
  const { newChats } = limits;
  return {
    lockedUntil: limits.lockedUntil,
    // A new chat more is no news; a warning, another quota or another cycle is.
    capping: `${cappingStatus(limits)} ${newChats?.total} ${newChats?.resetsAt}`,
    isBanned: limits.isBanned,
  };
}

function tellChange(world: World, phone: Phone): void {
  phone.dirty = true;
  const before = phone.account.told;
  const after = toldOf(world, phone);
  phone.account.told = after;
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
  if (after.isBanned && !before?.isBanned) throwOut(world, phone);
  watchEnd(world, phone);
  world.emit({ type: "phone", phone: phone.info() });
}

/** Tells the companions that are there; the others ask when they come. */
function push(world: World, phone: Phone, operation: string, data: object): void {
  if (phone.account.limits(world.now()).isQuiet) return;
  for (const device of phone.devices.values()) {
    if (!device.mailbox.isRead) continue;
    const attrs = { id: world.random(6).toString("hex"), from: serverJid, type: "mex", t: seconds(world) };
    const update = node("update", { op_name: operation }, Buffer.from(JSON.stringify({ data })));
    device.mailbox.deliver(node("notification", attrs, [update]));
  }
}

function throwOut(world: World, phone: Phone): void {
  world.counters.bans++;
  // After the ack that refuses the message.
  world.timers.after(0, () => {
    for (const device of phone.devices.values()) {
      for (const socket of device.sockets) socket.end(node("failure", { reason: 403, location: "sim" }));
    }
  });
}
