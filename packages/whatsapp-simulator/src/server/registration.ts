import { proto } from "@whiskeysockets/baileys";
import { type BinaryNode, node, serverJid } from "../wire/nodes.ts";
import type { ClientSocket } from "../wire/socket.ts";
import { seconds, type World, type Client } from "../world.ts";

const referencesPerClient = 6;

/** An unpaired client gets references for its QR codes and waits for a phone. */
export function offerPairing(
  world: World,
  connection: Client,
  data: proto.ClientPayload.IDevicePairingRegistrationData,
): void {
  const { eIdent, eRegid, eSkeyId, eSkeyVal, eSkeySig } = data;
  if (!eIdent || !eRegid || !eSkeyId || !eSkeyVal || !eSkeySig) {
    connection.drop();
    return;
  }
  connection.offer = {
    identity: Buffer.from(eIdent),
    registrationId: Buffer.from(eRegid).readUIntBE(0, eRegid.length),
    signedPreKey: {
      id: Buffer.from(eSkeyId).readUIntBE(0, eSkeyId.length),
      key: Buffer.from(eSkeyVal),
      signature: Buffer.from(eSkeySig),
    },
    platform: platformOf(data.deviceProps),
  };
  const references = Array.from({ length: referencesPerClient }, () => newReference(world, connection));
  connection.send(pairDevice(world, references));
  world.emit({ type: "pending", waiting: waitingToPair(world) });
}

/** References for the QR codes of a client. */
export function pairDevice(world: World, references: string[]): BinaryNode {
  const attrs = { from: serverJid, type: "set", id: world.random(6).toString("hex"), xmlns: "md", t: seconds(world) };
  const refs = references.map((reference) => node("ref", {}, Buffer.from(reference)));
  return node("iq", attrs, [node("pair-device", {}, refs)]);
}

export function newReference(world: World, connection: Client): string {
  const reference = `2@${world.random(48).toString("base64")}`;
  world.references.set(reference, connection);
  return reference;
}

/** The client has closed or is paired: its QR codes are no longer valid. */
export function withdrawPairing(world: World, connection: ClientSocket): void {
  if (!connection.offer) return;
  connection.offer = undefined;
  for (const [reference, owner] of world.references) if (owner === connection) world.references.delete(reference);
  for (const phone of world.phones) {
    const request = phone.pairingRequest;
    if (request?.connection !== connection) continue;
    phone.pairingRequest = undefined;
    request.onGone?.();
  }
  world.emit({ type: "pending", waiting: waitingToPair(world) });
}

export function waitingToPair(world: World): number {
  let waiting = 0;
  for (const connection of world.connections) if (connection.offer) waiting++;
  return waiting;
}

function platformOf(deviceProps: Uint8Array | null | undefined): string {
  if (!deviceProps) return "unknown";
  const { os, platformType } = proto.DeviceProps.decode(deviceProps);
  const browser = typeof platformType !== "number" ? undefined : proto.DeviceProps.PlatformType[platformType];
  return [browser?.toLowerCase(), os].filter(Boolean).join(" on ");
}
