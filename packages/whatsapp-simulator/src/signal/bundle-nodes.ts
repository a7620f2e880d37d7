import { bigEndian, type BinaryNode, node } from "../wire/nodes.ts";
import type { KeyBundle } from "./keys.ts";

const curve25519 = Buffer.from([5]);

/** A device's public keys as stanzas carry them. */
export function bundleNodes({ identity, signedPreKey, preKey }: KeyBundle): BinaryNode[] {
  return [
    node("type", {}, curve25519),
    node("identity", {}, identity),
    signedPreKeyNode(signedPreKey),
    ...(preKey ? [node("key", {}, [node("id", {}, bigEndian(preKey.id, 3)), node("value", {}, preKey.key)])] : []),
  ];
}

export function registrationNode(registrationId: number): BinaryNode {
  return node("registration", {}, bigEndian(registrationId, 4));
}

export function signedPreKeyNode({ id, key, signature }: KeyBundle["signedPreKey"]): BinaryNode {
  return node("skey", {}, [node("id", {}, bigEndian(id, 3)), node("value", {}, key), node("signature", {}, signature)]);
}
