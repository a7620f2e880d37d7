import {
  type BinaryNode,
  decodeMessageNode,
  getBinaryNodeChildren,
  getContentType,
  isLidUser,
  isPnUser,
  isRealMessage,
  jidDecode,
  jidNormalizedUser,
  normalizeMessageContent,
  proto,
  unpadRandomMax16,
  type WASocket,
} from "@whiskeysockets/baileys";
import { AccountNumber, tokenIn } from "@sandi/contracts";
import type { AuthState } from "./auth-state.ts";
import { beforeRatchet } from "./patches/before-ratchet.ts";
import { identityIn, namesOf, type PeopleListener } from "./identities.ts";

/** What a socket tells of messages that people write. */
export interface MessageListener extends PeopleListener {
  /** Acknowledged to the server only after this has resolved. */
  onMessage(message: ReceivedMessage): Promise<void>;
  /** Storing something failed. */
  onUnsaved: (error: unknown) => void;
}

/** A message that somebody wrote to this account, in a chat of two; the text stays here. */
export interface ReceivedMessage {
  waId: string;
  /** E.164 in its canonical spelling; null when only the sender's LID is known. */
  from: string | null;
  /** The sender's jids, as far as they are known. */
  names: string[];
  /** The token in the text; a forwarded text has none, for its writer is another. */
  token: string | null;
  isForwarded: boolean;
  /** When it was written, by the server's clock. */
  at: Date;
}

interface Direct {
  waId: string;
  /** The sender as the stanza names them, by phone number, by LID, or both. */
  names: string[];
  at: Date;
}

/** Kinds that change or accompany another message, beside those that Baileys itself counts as such. */
const unsaid = new Set(["encReactionMessage", "keepInChatMessage", "pinInChatMessage", "secretEncryptedMessage"]);

/**
 * Takes messages as they are decrypted: before Baileys' receipt, which tells the server that they need not come again,
 * and before its event buffer. @param drop cuts the line, so that what could not be stored is delivered again
 */
export function takeMessages(sock: WASocket, auth: AuthState, listener: MessageListener, drop: () => void): void {
  sock.ws.prependListener("CB:message", (node: BinaryNode) => {
    const direct = directMessage(node, auth);
    if (!direct) return;
    identityIn(direct.names, listener.onIdentity);
    for (const { content } of getBinaryNodeChildren(node, "enc")) {
      if (content instanceof Uint8Array) beforeRatchet(content, (padded) => take(direct, padded));
    }
  });

  async function allNames(names: string[]): Promise<string[]> {
    const known = names.some((one) => isPnUser(one)) ? names : await namesOf(sock, listener, names[0]);
    return known.map((name) => jidNormalizedUser(name));
  }

  async function take({ waId, names, at }: Direct, padded: Uint8Array): Promise<void> {
    const said = whatIsSaid(padded);
    if (!said) return;
    try {
      const known = await allNames(names);
      await listener.onMessage({ waId, from: phoneOf(known), names: known, at, ...said });
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

/** What of the content counts; null when nobody says anything with it. */
export function whatIsSaid(padded: Uint8Array): Pick<ReceivedMessage, "token" | "isForwarded"> | null {
  const content = decode(padded);
  const kind = getContentType(content);
  if (!content || !kind || unsaid.has(kind) || !isRealMessage({ key: {}, message: content })) return null;
  const part = content[kind];
  const context = typeof part === "object" && part && "contextInfo" in part ? part.contextInfo : undefined;
  const isForwarded = context?.isForwarded === true || (context?.forwardingScore ?? 0) > 0;
  const text = content.conversation ?? content.extendedTextMessage?.text;
  return { token: text && !isForwarded ? tokenIn(text) : null, isForwarded };
}

function decode(padded: Uint8Array): proto.IMessage | undefined {
  try {
    return normalizeMessageContent(proto.Message.decode(unpadRandomMax16(padded)));
  } catch {
    return undefined;
  }
}

function phoneOf(names: string[]): string | null {
  return AccountNumber.safeParse(`+${jidDecode(names.find((one) => isPnUser(one)))?.user}`).data ?? null;
}
