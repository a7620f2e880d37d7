import {
  ALL_WA_PATCH_NAMES,
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  type WASocket,
} from "@whiskeysockets/baileys";

/**
 * Completes answers about the app state, before Baileys reads them. It asks again, without a pause and without an end,
 * while an answer lacks the collection, or says that there are more patches and has none.
 */
export function completeAppStateAnswers(sock: WASocket): void {
  sock.ws.on("frame", (frame: BinaryNode | Uint8Array) => {
    if (!("tag" in frame) || frame.tag !== "iq" || frame.attrs["type"] !== "result") return;
    const sync = childrenOf(frame).find(({ tag }) => tag === "sync");
    if (sync) complete(sync);
  });
}

function complete(sync: BinaryNode): void {
  const collections = childrenOf(sync);
  for (const collection of collections) if (!bringsAny(collection)) collection.attrs["has_more_patches"] = "false";
  const present = new Set(collections.map(({ attrs }) => attrs["name"]));
  const missing = ALL_WA_PATCH_NAMES.filter((name) => !present.has(name));
  // Baileys takes a collection with an error for done.
  const added = missing.map((name) => ({ tag: "collection", attrs: { name, type: "error" } }));
  sync.content = [...collections, ...added];
}

/** Not by Baileys' function, which remembers the children of a node as they were. */
const childrenOf = ({ content }: BinaryNode): BinaryNode[] => (Array.isArray(content) ? content : []);

const bringsAny = (collection: BinaryNode) =>
  getBinaryNodeChild(collection, "snapshot") !== undefined ||
  getBinaryNodeChildren(getBinaryNodeChild(collection, "patches") ?? collection, "patch").length > 0;
