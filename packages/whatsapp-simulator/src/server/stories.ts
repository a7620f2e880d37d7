import type { LinkedDevice } from "../phone/device.ts";
import type { Envelope } from "../phone/envelope.ts";
import type { Phone } from "../phone/phone.ts";
import { parseJid, storyJid } from "../wire/jid.ts";
import { type BinaryNode, bytesOf, child, children } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import { deliver } from "./deliver.ts";

const invalid = 479;

const audienceOf = (stanza: BinaryNode) => children(child(stanza, "participants"), "to");

/** The server takes a story only for people whom it names by LID, with the setting of its audience. */
export function storyRefusal(stanza: BinaryNode): number | undefined {
  const hasSetting = child(stanza, "meta")?.attrs["status_setting"] !== undefined;
  const isByLid = audienceOf(stanza).every(({ attrs }) => parseJid(attrs["jid"])?.server === "lid");
  return hasSetting && isByLid ? undefined : invalid;
}

/** Delivers a story to the devices that have its key in the stanza, and to nobody else. */
export function fanOutStory(world: World, sender: Phone, device: LinkedDevice, stanza: BinaryNode): void {
  const enc = child(stanza, "enc");
  const ciphertext = enc && bytesOf(enc);
  if (!ciphertext || enc.attrs["type"] !== "skmsg") return;
  const about: Envelope = {
    id: stanza.attrs["id"] ?? "",
    from: sender.number,
    fromDevice: device.id,
    addressing: "lid",
    group: storyJid,
    type: stanza.attrs["type"] ?? "text",
    edit: stanza.attrs["edit"],
    deviceIdentity: bytesOf(stanza, "device-identity"),
    encrypted: { type: "skmsg", ciphertext },
    at: seconds(world),
  };
  for (const participant of audienceOf(stanza)) {
    const target = parseJid(participant.attrs["jid"]);
    const viewer = world.phones.byJid(target);
    const key = child(participant, "enc");
    const sealed = key && bytesOf(key);
    const type = key?.attrs["type"];
    if (viewer === sender && target?.device === device.id) continue;
    if (!target || !viewer || !sealed || (type !== "pkmsg" && type !== "msg")) continue;
    deliver(world, { ...about, senderKey: { type, ciphertext: sealed } }, viewer, target.device);
  }
}
