import { inflateSync } from "node:zlib";
import { type BinaryNode, decodeDecompressedBinaryNode, encodeBinaryNode } from "@whiskeysockets/baileys";
// Baileys exports the decoder but not its token tables.
import * as tokens from "@whiskeysockets/baileys/lib/WABinary/constants.js";

export type { BinaryNode };

export const serverJid = "@s.whatsapp.net";

type Attributes = Record<string, string | number | undefined>;

/** Builds a node; attributes that are undefined are left out. */
export function node(tag: string, attrs: Attributes = {}, content?: BinaryNode["content"]): BinaryNode {
  const kept: Record<string, string> = {};
  for (const key in attrs) {
    const value = attrs[key];
    if (value !== undefined) kept[key] = typeof value === "string" ? value : String(value);
  }
  return content === undefined ? { tag, attrs: kept } : { tag, attrs: kept, content };
}

export function encodeNode(value: BinaryNode): Buffer {
  return encodeBinaryNode(value);
}

/** Decodes in place, so that frames stay in order without a queue. */
export function decodeNode(bytes: Buffer): BinaryNode {
  const plain = (bytes.readUInt8() & 2) === 2 ? inflateSync(bytes.subarray(1)) : bytes.subarray(1);
  return decodeDecompressedBinaryNode(plain, tokens);
}

export function children(parent: BinaryNode | undefined, tag?: string): BinaryNode[] {
  if (!parent || !Array.isArray(parent.content)) return [];
  return tag === undefined ? parent.content : parent.content.filter((each) => each.tag === tag);
}

export function child(parent: BinaryNode | undefined, tag: string): BinaryNode | undefined {
  if (!parent || !Array.isArray(parent.content)) return undefined;
  return parent.content.find((each) => each.tag === tag);
}

/** The bytes of a node, or of its child. */
export function bytesOf(parent: BinaryNode | undefined, tag?: string): Buffer | undefined {
  const content = (tag === undefined ? parent : child(parent, tag))?.content;
  if (content instanceof Uint8Array) return Buffer.isBuffer(content) ? content : Buffer.from(content);
  return typeof content === "string" ? Buffer.from(content, "utf8") : undefined;
}

export function bigEndian(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}
