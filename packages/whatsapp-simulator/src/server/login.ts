import type { proto } from "@whiskeysockets/baileys";
import type { LinkedDevice } from "../phone/device.ts";
import { bootstrap } from "../phone/peer.ts";
import type { Phone } from "../phone/phone.ts";
import { jidOf } from "../wire/jid.ts";
import { type BinaryNode, node } from "../wire/nodes.ts";
import { type Client, seconds, type World } from "../world.ts";
import { streamError } from "./connection.ts";

/** A paired client logs in; the server knows it by number, device and the static key of the pairing. */
export function login(world: World, connection: Client, payload: proto.ClientPayload): void {
  const number = String(payload.username ?? "");
  const phone = world.phones.byNumber(number);
  const device = phone?.devices.get(payload.device ?? 0);
  const fault = world.faults.take("login-failure", number);
  if (fault) {
    refuse(world, connection, fault.reason);
    return;
  }
  if (!phone || !device?.noiseKey.equals(connection.noiseKey)) {
    refuse(world, connection, 401);
    return;
  }
  if (phone.account.limits(world.now()).isBanned) {
    refuse(world, connection, 403);
    return;
  }
  world.counters.logins++;
  connection.phone = phone;
  connection.device = device;
  device.sockets.add(connection);
  device.maxConcurrentSockets = Math.max(device.maxConcurrentSockets, device.sockets.size);
  phone.dirty = true;
  for (const older of device.sockets) {
    if (older === connection) continue;
    world.counters.replaced++;
    older.end(streamError(undefined, node("conflict", { type: "replaced" })));
  }
  connection.send(successOf(world, phone, device));
  world.emit({ type: "phone", phone: phone.info() });
}

/** The login's success; without a device its LID belongs to no account. */
export function successOf(world: World, phone?: Phone, device?: LinkedDevice): BinaryNode {
  const lid = phone && device ? jidOf(phone, "lid", device.id) : "100000000000001:1@lid";
  return node("success", { t: seconds(world), lid, creation: seconds(world), props: "1", location: "sim" });
}

function refuse(world: World, connection: Client, reason: number): void {
  world.counters.loginsRefused++;
  connection.end(node("failure", { reason, location: "sim" }));
}

/** The companion is ready: it gets the waiting stanzas and, if it is new, its keys and history. */
export function activate(world: World, connection: Client, phone: Phone, device: LinkedDevice): void {
  if (device.mailbox.isReadBy(connection)) return;
  device.mailbox.open(connection);
  if (!device.bootstrapped && phone.online) startBootstrap(world, phone, device);
}

/** Gives new companions their keys and history when the phone was offline at their first login. */
export function bootstrapWaiting(world: World, phone: Phone): void {
  for (const device of phone.devices.values()) {
    if (!device.bootstrapped && device.mailbox.isRead) startBootstrap(world, phone, device);
  }
}

function startBootstrap(world: World, phone: Phone, device: LinkedDevice): void {
  bootstrap(world, phone, device).catch(() => {
    device.bootstrapped = false;
  });
}
