import type { LinkedDevice } from "../phone/device.ts";
import type { Phone } from "../phone/phone.ts";
import type { Question } from "../server/iq/question.ts";
import { type BinaryNode, bytesOf, child, children, node, serverJid } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";

/** `w:sync:app:state`: a companion fetches missing patches, or uploads a patch. */
export function answerAppState({ world, connection, iq, reply, refuse }: Question): void {
  const { phone, device } = connection;
  if (!phone || !device) return refuse(401, "not-authorized");
  const collections = children(child(iq, "sync"), "collection").map((asked) => answerOne(world, phone, device, asked));
  reply([node("sync", {}, collections)]);
}

function answerOne(world: World, phone: Phone, device: LinkedDevice, asked: BinaryNode): BinaryNode {
  const { appState } = phone;
  const name = asked.attrs["name"] ?? "";
  const version = Number(asked.attrs["version"] ?? 0);
  const patch = bytesOf(asked, "patch");
  if (patch && appState.add(name, version, patch)) {
    phone.dirty = true;
    notifyOthers(world, phone, device, name);
    return node("collection", { name, type: "result", version: version + 1 });
  }
  const patches = appState.patchesAfter(name, version).map((each) => node("patch", {}, each));
  const content = [node("patches", {}, patches)];
  // The error is inside the collection, with the patches that the upload did not know.
  if (patch) {
    const error = node("error", { code: 409, text: "conflict" });
    return node("collection", { name, type: "error", version: appState.version(name) }, [error, ...content]);
  }
  const attrs = { name, type: "result", version: appState.version(name), has_more_patches: "false" };
  return node("collection", attrs, patches.length > 0 ? content : undefined);
}

function notifyOthers(world: World, phone: Phone, author: LinkedDevice, name: string): void {
  for (const device of phone.devices.values()) {
    if (device === author) continue;
    const attrs = { id: world.random(6).toString("hex"), from: serverJid, type: "server_sync", t: seconds(world) };
    const collection = node("collection", { name, version: phone.appState.version(name) });
    device.mailbox.deliver(node("notification", attrs, [collection]));
  }
}
