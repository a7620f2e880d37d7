import { proto } from "@whiskeysockets/baileys";
import type { LinkedDevice } from "../phone/device.ts";
import type { Phone } from "../phone/phone.ts";
import type { Question } from "../server/iq/question.ts";
import { type BinaryNode, bytesOf, child, children, node } from "../wire/nodes.ts";
import type { World } from "../world.ts";
import { notifyCompanions } from "./notify.ts";
import { readOnPhone } from "./on-phone.ts";

/** `w:sync:app:state`: a companion fetches missing patches, or uploads a patch. */
export function answerAppState({ world, connection, iq, reply, refuse }: Question): void {
  const { phone, device } = connection;
  if (!phone || !device) return refuse(401, "not-authorized");
  const collections = children(child(iq, "sync"), "collection");
  reply([
    node(
      "sync",
      {},
      collections.flatMap((asked) => answerOne(world, phone, device, asked)),
    ),
  ]);
}

function answerOne(world: World, phone: Phone, device: LinkedDevice, asked: BinaryNode): BinaryNode[] {
  const name = asked.attrs["name"] ?? "";
  const version = Number(asked.attrs["version"] ?? 0);
  const patch = bytesOf(asked, "patch");
  if (!patch) return fetched(world, phone, name, version);
  const isRefused =
    world.faults.take("app-state", phone.number, undefined, ({ says }) => says === "conflict") !== undefined;
  if (!isRefused && phone.appState.add(name, version, patch)) {
    phone.dirty = true;
    notifyCompanions(world, phone, name, device);
    readOnPhone(world, phone);
    return [node("collection", { name, type: "result", version: version + 1 })];
  }
  // The error is inside the collection, with the patches that the upload did not know.
  const error = node("error", { code: 409, text: "conflict" });
  const patches = patchNodes(phone.appState.patchesAfter(name, version));
  return [node("collection", { name, type: "error", version: phone.appState.version(name) }, [error, patches])];
}

function fetched(world: World, { appState, number }: Phone, name: string, version: number): BinaryNode[] {
  const odd = world.faults.take("app-state", number, undefined, ({ says }) => says !== "conflict")?.says;
  if (odd === "nothing") return [];
  const patches = odd === "more" ? [] : appState.patchesAfter(name, version);
  const attrs = { name, type: "result", version: appState.version(name), has_more_patches: String(odd === "more") };
  const sent = odd === "tampered" ? patches.map(tampered) : patches;
  return [node("collection", attrs, sent.length > 0 ? [patchNodes(sent)] : undefined)];
}

const patchNodes = (patches: Buffer[]) =>
  node(
    "patches",
    {},
    patches.map((each) => node("patch", {}, each)),
  );

/** The patch with another value than its author encrypted. */
function tampered(bytes: Buffer): Buffer {
  // Decoded values are views of the bytes.
  const patch = proto.SyncdPatch.decode(Buffer.from(bytes));
  for (const { record } of patch.mutations) {
    const blob = record?.value?.blob;
    if (blob) blob[blob.length - 40] = (blob.at(-40) ?? 0) ^ 1;
  }
  return Buffer.from(proto.SyncdPatch.encode(patch).finish());
}
