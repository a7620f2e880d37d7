import type { Group } from "../groups/group.ts";
import { deliver } from "../server/deliver.ts";
import type { KeyBundle } from "../signal/keys.ts";
import { addressingOf, jidOf, parseJid } from "../wire/jid.ts";
import { type BinaryNode, bytesOf, child } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import type { LinkedDevice } from "./device.ts";
import type { Envelope } from "./envelope.ts";
import type { Phone } from "./phone.ts";
import { stanzaOf } from "./content/stanza.ts";
import { copyOf, encode, encryptFor, transmitAgainInGroup } from "./transmit.ts";

/** A companion could not decrypt: it gets the message again, in a new session if it sends keys. */
export function retried(world: World, phone: Phone, reader: Phone, device: LinkedDevice, stanza: BinaryNode): void {
  const id = stanza.attrs["id"] ?? "";
  const address = parseJid(stanza.attrs["to"]);
  const to = reader === phone ? world.phones.byJid(parseJid(stanza.attrs["recipient"])) : reader;
  const content = to && writtenBy(phone, to.e164, id);
  if (!address || !content) return;
  const addressing = addressingOf(address);
  const recipient = reader === phone ? jidOf(to, addressing) : undefined;
  const plain = encode(content);
  const { isUnavailable: _view, encAttributes: attributes, ...about } = stanzaOf(content);
  again(world, phone, { reader, device, stanza }, async () => {
    const encrypted = await encryptFor(phone, reader, device.id, recipient ? copyOf(recipient, plain) : plain);
    const encAttributes = { ...attributes, count: countIn(stanza) };
    const names = { id, from: phone.number, fromDevice: 0, addressing, recipient };
    const envelope: Envelope = { ...about, ...names, encrypted, encAttributes, at: seconds(world) };
    deliver(world, envelope, reader, device.id);
  });
}

export function retriedInGroup(
  world: World,
  phone: Phone,
  group: Group,
  { reader, device, stanza }: { reader: Phone; device: LinkedDevice; stanza: BinaryNode },
): void {
  const id = stanza.attrs["id"] ?? "";
  const content = writtenBy(phone, group.jid, id);
  if (!content) return;
  again(world, phone, { reader, device, stanza }, () =>
    transmitAgainInGroup(world, phone, { group, reader, device, count: countIn(stanza) }, { id, content }),
  );
}

/** A message that the phone wrote, or what it did with an earlier one. */
const writtenBy = (phone: Phone, chat: string, id: string) =>
  phone.chat.contentOf(chat, id) ?? phone.actions.get(`${chat} ${id}`);

const countIn = (stanza: BinaryNode) => child(stanza, "retry")?.attrs["count"] ?? "1";

function again(
  world: World,
  phone: Phone,
  { reader, device, stanza }: { reader: Phone; device: LinkedDevice; stanza: BinaryNode },
  send: () => Promise<void>,
): void {
  world.counters.retriesServed++;
  const job = phone.enqueue(async () => {
    const offered = bundleIn(stanza);
    if (offered) await phone.sessions.open(`${reader.lid}.${device.id}`, offered);
    await send();
  });
  job.catch(() => {
    world.counters.undecryptable++;
  });
}

function bundleIn(receipt: BinaryNode): KeyBundle | undefined {
  const keys = child(receipt, "keys");
  const [skey, key] = [child(keys, "skey"), child(keys, "key")];
  const identity = bytesOf(keys, "identity");
  const registration = bytesOf(receipt, "registration");
  const [signedId, signedKey, signature] = [bytesOf(skey, "id"), bytesOf(skey, "value"), bytesOf(skey, "signature")];
  const [preId, preKey] = [bytesOf(key, "id"), bytesOf(key, "value")];
  if (!identity || !registration || !signedId || !signedKey || !signature) return undefined;
  return {
    registrationId: registration.readUIntBE(0, registration.length),
    identity,
    signedPreKey: { id: signedId.readUIntBE(0, signedId.length), key: signedKey, signature },
    ...(preId && preKey && { preKey: { id: preId.readUIntBE(0, preId.length), key: preKey } }),
  };
}
