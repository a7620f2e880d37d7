import {
  type BinaryNode,
  decodeMessageNode,
  getBinaryNodeChildren,
  isLidUser,
  isPnUser,
  jidDecode,
  jidNormalizedUser,
  unpadRandomMax16,
  type WASocket,
} from "@whiskeysockets/baileys";
import { AccountNumber } from "@sandi/contracts";
import { fromProto } from "../content/content.ts";
import type { ReceivedContext } from "../content/context.ts";
import type { ReceivedContent } from "../content/kind.ts";
import { decode, type WireMessage } from "../content/wire.ts";
import type { AuthState } from "./auth-state.ts";
import { beforeRatchet } from "./patches/before-ratchet.ts";
import { identityIn, namesOf, type PeopleListener } from "./identities.ts";

/** What a socket reports of messages that people write. */
export interface MessageListener extends PeopleListener {
  /** Acknowledged to the server only after this has resolved. */
  onMessage(message: ReceivedMessage): Promise<void>;
  /** Storing something failed. */
  onUnsaved: (error: unknown) => void;
}

/** A message that somebody wrote to this account, in a chat of two. */
export interface ReceivedMessage extends ReceivedContext {
  waId: string;
  /** E.164 in its canonical spelling; null when only the sender's LID is known. */
  from: string | null;
  /** The sender's jids, as far as they are known. */
  names: string[];
  content: ReceivedContent;
  /** When it was written, by the server's clock. */
  at: Date;
}

interface Direct {
  waId: string;
  /** The sender as the stanza names them, by phone number, by LID, or both. */
  names: string[];
  at: Date;
}

/**
 * Reports messages as they are decrypted: before Baileys' receipt, which tells the server not to deliver them again, and
 * before its event buffer. @param drop closes the connection, so that what could not be stored is delivered again
 */
export function receiveMessages(sock: WASocket, auth: AuthState, listener: MessageListener, drop: () => void): void {
  sock.ws.prependListener("CB:message", (node: BinaryNode) => {
    const direct = directMessage(node, auth);
    if (!direct) return;
    identityIn(direct.names, listener.onIdentity);
    for (const { content } of getBinaryNodeChildren(node, "enc")) {
      if (content instanceof Uint8Array) beforeRatchet(content, (padded) => receive(direct, padded));
    }
  });

  async function allNames(names: string[]): Promise<string[]> {
    const known = names.some((one) => isPnUser(one)) ? names : await namesOf(sock, listener, names[0]);
    return known.map((name) => jidNormalizedUser(name));
  }

  async function receive({ waId, names, at }: Direct, padded: Uint8Array): Promise<void> {
    const read = readPadded(padded);
    if (!read) return;
    try {
      const known = await allNames(names);
      await listener.onMessage({ waId, from: phoneOf(known), names: known, at, ...read });
    } catch (error) {
      listener.onUnsaved(error);
      drop();
      throw error;
    }
  }
}

/** A stanza that carries a message of somebody else, in a chat of two. */
export function directMessage(node: BinaryNode, { creds }: Pick<AuthState, "creds">): Direct | null {
  const { id, lid } = creds.me ?? {};
  if (!id) return null;
  try {
    const { key, category, messageTimestamp } = decodeMessageNode(node, id, lid ?? "").fullMessage;
    const { remoteJid, remoteJidAlt } = key;
    if (key.fromMe || category === "peer" || !key.id || !remoteJid) return null;
    if (!isPnUser(remoteJid) && !isLidUser(remoteJid)) return null;
    const at = new Date(Number(messageTimestamp) * 1000);
    return { waId: key.id, names: remoteJidAlt ? [remoteJid, remoteJidAlt] : [remoteJid], at };
  } catch {
    // A stanza that Baileys refuses as well.
    return null;
  }
}

/** What a decrypted message says, as WhatsApp pads it; null for bytes that are no message. */
export function readPadded(padded: Uint8Array): ReturnType<typeof fromProto> {
  let message: WireMessage;
  try {
    message = decode(unpadRandomMax16(padded));
  } catch {
    return null;
  }
  return fromProto(message);
}

function phoneOf(names: string[]): string | null {
  return AccountNumber.safeParse(`+${jidDecode(names.find((one) => isPnUser(one)))?.user}`).data ?? null;
}
