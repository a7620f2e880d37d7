import type { LinkedDevice } from "../phone/device.ts";
import type { Phone } from "../phone/phone.ts";
import { node, serverJid } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";

/** Tells the companions that a collection has a new version; the author of the change knows. */
export function notifyCompanions(world: World, phone: Phone, name: string, author?: LinkedDevice): void {
  for (const device of phone.devices.values()) {
    if (device === author) continue;
    const attrs = { id: world.random(6).toString("hex"), from: serverJid, type: "server_sync", t: seconds(world) };
    const collection = node("collection", { name, version: phone.appState.version(name) });
    device.mailbox.deliver(node("notification", attrs, [collection]));
  }
}
