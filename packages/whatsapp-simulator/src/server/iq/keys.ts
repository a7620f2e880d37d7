import { createHash } from "node:crypto";
import type { LinkedDevice } from "../../phone/device.ts";
import { bundleNodes, registrationNode, signedPreKeyNode } from "../../signal/bundle-nodes.ts";
import { parseJid } from "../../wire/jid.ts";
import { type BinaryNode, bytesOf, child, children, node, serverJid } from "../../wire/nodes.ts";
import { seconds, type World } from "../../world.ts";
import type { Question } from "./question.ts";

/** Below this number of one-time keys the server asks the client for more. */
const preKeysLow = 5;

/** `encrypt`: a client's own keys, and those of others. */
export function answerEncrypt(question: Question): void {
  const { connection, iq, reply } = question;
  const { device } = connection;
  const [first] = children(iq);
  if (!device || !first) {
    reply();
    return;
  }
  if (iq.attrs["type"] === "get") {
    if (first.tag === "count") reply([node("count", { value: device.preKeys.count })]);
    else if (first.tag === "digest") reply([digestNode(device)]);
    else if (first.tag === "key") answerBundles(question, first);
    else reply();
    return;
  }
  if (first.tag === "rotate") takeSignedPreKey(device, child(first, "skey"));
  else takeUpload(device, iq);
  if (connection.phone) connection.phone.dirty = true;
  reply();
}

function takeUpload(device: LinkedDevice, iq: BinaryNode): void {
  const [registration, identity] = [bytesOf(iq, "registration"), bytesOf(iq, "identity")];
  if (registration) device.registrationId = registration.readUIntBE(0, registration.length);
  if (identity) device.identity = identity;
  takeSignedPreKey(device, child(iq, "skey"));
  const keys = children(child(iq, "list"), "key").flatMap((key) => {
    const [id, value] = [bytesOf(key, "id"), bytesOf(key, "value")];
    return id?.length === 3 && value?.length === 32 ? { id, key: value } : [];
  });
  device.preKeys.add(keys);
}

function takeSignedPreKey(device: LinkedDevice, skey: BinaryNode | undefined): void {
  const [id, key, signature] = [bytesOf(skey, "id"), bytesOf(skey, "value"), bytesOf(skey, "signature")];
  if (id && key && signature) device.signedPreKey = { id: id.readUIntBE(0, id.length), key, signature };
}

function digestNode(device: LinkedDevice): BinaryNode {
  const { identity, registrationId, signedPreKey } = device;
  const hash = createHash("sha1").update(identity).update(signedPreKey.key).update(signedPreKey.signature).digest();
  return node("digest", {}, [
    registrationNode(registrationId),
    node("type", {}, Buffer.from([5])),
    node("identity", {}, identity),
    signedPreKeyNode(signedPreKey),
    node("list", {}, []),
    node("hash", {}, hash),
  ]);
}

function answerBundles({ world, reply }: Question, asked: BinaryNode): void {
  const users = children(asked, "user").map((user) => bundleNode(world, user.attrs["jid"] ?? ""));
  reply([node("list", {}, users)]);
}

function bundleNode(world: World, jid: string): BinaryNode {
  const address = parseJid(jid);
  const phone = world.phones.byJid(address);
  const device = address && phone?.devices.get(address.device);
  if (!phone || !address || (address.device !== 0 && !device)) {
    return node("user", { jid }, [node("error", { code: 404, text: "item-not-found" })]);
  }
  const bundle = device ? device.takeBundle() : phone.takeBundle();
  phone.dirty = true;
  if (device && device.preKeys.count < preKeysLow) askForPreKeys(world, device);
  const tampered = world.faults.take("tampered-bundle", phone.number) !== undefined;
  const signature = Buffer.from(bundle.signedPreKey.signature);
  if (tampered) signature[0] = (signature[0] ?? 0) ^ 1;
  const shown = { ...bundle, signedPreKey: { ...bundle.signedPreKey, signature } };
  return node("user", { jid, t: seconds(world) }, [registrationNode(bundle.registrationId), ...bundleNodes(shown)]);
}

function askForPreKeys(world: World, device: LinkedDevice): void {
  const attrs = { id: world.random(6).toString("hex"), from: serverJid, type: "encrypt", t: seconds(world) };
  device.mailbox.deliver(node("notification", attrs, [node("count", { value: device.preKeys.count })]));
}
