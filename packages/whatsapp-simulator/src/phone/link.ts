import { createHmac, randomInt } from "node:crypto";
import {
  Curve,
  generateSignalPubKey,
  proto,
  WA_ADV_ACCOUNT_SIG_PREFIX,
  WA_ADV_DEVICE_SIG_PREFIX,
} from "@whiskeysockets/baileys";
import { verifySignature } from "libsignal/src/curve.js";
import { SimulatorError } from "../errors.ts";
import { streamError } from "../server/connection.ts";
import { withdrawPairing } from "../server/registration.ts";
import { jidOf } from "../wire/jid.ts";
import { type BinaryNode, bytesOf, child, node, serverJid } from "../wire/nodes.ts";
import type { ClientSocket, PairingOffer } from "../wire/socket.ts";
import { seconds, type World } from "../world.ts";
import { LinkedDevice } from "./device.ts";
import type { Phone } from "./phone.ts";

const signTimeoutMs = 10_000;

/** Scans a QR: `2@ref,noise,identity,adv,platform`, alone or at the end of the link that clients show now. */
export async function scan(world: World, phone: Phone, qr: string): Promise<LinkedDevice> {
  if (!phone.online) throw new SimulatorError("phone_offline", `${phone.e164} is offline`);
  const [reference, noiseKey, identity, advSecret] = qr
    .slice(qr.indexOf("#") + 1)
    .trim()
    .split(",");
  if (!reference?.startsWith("2@") || !noiseKey || !identity || !advSecret) {
    throw new SimulatorError("invalid_qr", "expected 2@reference,noise key,identity key,adv secret", { field: "qr" });
  }
  const connection = world.references.get(reference);
  if (!connection?.offer) throw new SimulatorError("qr_expired", undefined, { field: "qr" });
  const { offer } = connection;
  if (connection.noiseKey.toString("base64") !== noiseKey || offer.identity.toString("base64") !== identity) {
    throw new SimulatorError("qr_mismatch", undefined, { field: "qr" });
  }
  if (world.faults.take("pairing-stall", phone.number)) {
    askForPasskey(world, connection);
    throw new SimulatorError("pairing_failed", "the account asks for a passkey, as the fault wants");
  }
  return link(world, phone, connection, offer, Buffer.from(advSecret, "base64"));
}

/** The server's answer in place of pair-success when the account's owner must confirm with a passkey. */
export function askForPasskey(world: World, connection: ClientSocket): void {
  const challenge = world.random(32).toString("base64url");
  const options = { challenge, rpId: "whatsapp.com", allowCredentials: [], userVerification: "required" };
  const attrs = { from: serverJid, type: "passkey_prologue_request", id: world.random(6).toString("hex") };
  connection.send(
    node("notification", { ...attrs, t: seconds(world) }, [
      node("passkey_request_options", {}, Buffer.from(JSON.stringify(options))),
    ]),
  );
}

/** Signs a client in as a companion, and checks that it signed back. */
export function link(
  world: World,
  phone: Phone,
  connection: ClientSocket,
  offer: PairingOffer,
  advSecret: Buffer,
): Promise<LinkedDevice> {
  const id = phone.newDeviceId();
  const details = proto.ADVDeviceIdentity.encode({
    rawId: randomInt(1, 2 ** 31),
    timestamp: seconds(world),
    keyIndex: id,
  }).finish();
  const stanza = pairSuccess(world, phone, id, sealIdentity(world, phone, offer, details, advSecret));
  return new Promise((resolve, reject) => {
    const cancel = world.timers.after(signTimeoutMs, () => {
      reject(new SimulatorError("pairing_failed", "the client did not sign in time"));
    });
    connection.ask(stanza, (reply) => {
      cancel();
      if (!reply) {
        reject(new SimulatorError("pairing_failed", "the client went away without signing"));
        return;
      }
      if (!isSigned(reply, phone, offer, details)) {
        reject(new SimulatorError("pairing_failed", "the client's device signature is wrong"));
        connection.drop();
        return;
      }
      const { identity, registrationId, signedPreKey, platform } = offer;
      const keys = { noiseKey: connection.noiseKey, identity, registrationId, signedPreKey };
      const device = new LinkedDevice(id, platform, world.now(), keys);
      device.pairSuccess = stanza;
      phone.devices.set(id, device);
      phone.dirty = true;
      world.counters.pairings++;
      withdrawPairing(world, connection);
      announceDevices(world, phone, "add", id);
      world.emit({ type: "phone", phone: phone.info() });
      connection.end(streamError(515));
      resolve(device);
    });
  });
}

/** Unlinks a companion: its sockets get 401, its keys are deleted. */
export function unlink(world: World, phone: Phone, id: number): void {
  const device = phone.devices.get(id);
  if (!device) throw new SimulatorError("device_not_found", `${phone.e164} has no device ${id}`);
  phone.devices.delete(id);
  phone.sessions.forget(`${phone.lid}.${id}`);
  phone.dirty = true;
  for (const socket of device.sockets) socket.end(streamError(401, node("conflict", { type: "device_removed" })));
  announceDevices(world, phone, "remove", id);
  world.emit({ type: "phone", phone: phone.info() });
}

/** Notifies the other companions of the device list: the next message is encrypted for these devices. */
function announceDevices(world: World, phone: Phone, change: "add" | "remove", id: number): void {
  const attrs = { from: jidOf(phone, "pn"), type: "devices", t: seconds(world), lid: jidOf(phone, "lid") };
  const device = node("device", { jid: jidOf(phone, "pn", id), "key-index": id });
  for (const other of phone.devices.values()) {
    if (other.id === id) continue;
    const content = [node(change, { device_hash: `2:${world.random(6).toString("base64")}` }, [device])];
    other.mailbox.deliver(node("notification", { ...attrs, id: world.random(6).toString("hex") }, content));
  }
}

function sealIdentity(
  world: World,
  phone: Phone,
  offer: PairingOffer,
  details: Uint8Array,
  advSecret: Buffer,
): Uint8Array {
  const message = Buffer.concat([WA_ADV_ACCOUNT_SIG_PREFIX, details, offer.identity]);
  const accountSignature = Buffer.from(Curve.sign(phone.identity.private, message));
  if (world.faults.take("tampered-account-signature", phone.number))
    accountSignature[0] = (accountSignature[0] ?? 0) ^ 1;
  const signed = proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: phone.identity.public,
    accountSignature,
  }).finish();
  const hmac = createHmac("sha256", advSecret).update(signed).digest();
  return proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac }).finish();
}

function pairSuccess(world: World, phone: Phone, id: number, identity: Uint8Array): BinaryNode {
  const attrs = { from: serverJid, type: "set", xmlns: "md", id: world.random(6).toString("hex"), t: seconds(world) };
  return node("iq", attrs, [
    node("pair-success", {}, [
      node("device-identity", {}, identity),
      node("biz", { name: phone.name }),
      node("device", { jid: jidOf(phone, "pn", id), lid: jidOf(phone, "lid", id) }),
      node("platform", { name: "android" }),
    ]),
  ]);
}

function isSigned(reply: BinaryNode, phone: Phone, offer: PairingOffer, details: Uint8Array): boolean {
  const identity = bytesOf(child(reply, "pair-device-sign"), "device-identity");
  if (reply.attrs["type"] !== "result" || !identity) return false;
  const { deviceSignature } = proto.ADVSignedDeviceIdentity.decode(identity);
  if (deviceSignature?.length !== 64) return false;
  const message = Buffer.concat([WA_ADV_DEVICE_SIG_PREFIX, details, offer.identity, phone.identity.public]);
  try {
    return verifySignature(Buffer.from(generateSignalPubKey(offer.identity)), message, Buffer.from(deviceSignature));
  } catch {
    return false;
  }
}
