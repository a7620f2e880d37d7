import { type BinaryNode, getBinaryNodeChild, type WASocket } from "@whiskeysockets/baileys";

const linkingStallMs = 45_000;
const passkeyNotifications = new Set(["passkey_prologue_request", "crsc_continuation"]);

/**
 * Calls `onPasskey` when linking the account needs a passkey, or has stalled, which is how that looks. Returns a function
 * that ends the wait for the latter.
 */
export function watchPasskeys(sock: WASocket, onPasskey: () => void, stallMs = linkingStallMs): () => void {
  let stall: NodeJS.Timeout | undefined;
  sock.ws.on("CB:notification", (node: BinaryNode) => {
    const { type } = node.attrs;
    if (type !== undefined && passkeyNotifications.has(type)) return onPasskey();
    if (type !== "link_code_companion_reg") return;
    const reg = getBinaryNodeChild(node, "link_code_companion_reg");
    // The first notification has no key and comes before the code is typed, with or without a passkey.
    if (!getBinaryNodeChild(reg, "link_code_pairing_wrapped_primary_ephemeral_pub")) return;
    clearTimeout(stall);
    stall = setTimeout(onPasskey, stallMs);
  });
  return () => clearTimeout(stall);
}
