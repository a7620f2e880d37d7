import {
  type BaileysEventMap,
  type BinaryNode,
  getBinaryNodeChildren,
  isPnUser,
  jidDecode,
  jidNormalizedUser,
  proto,
  unpadRandomMax16,
  type WAMessage,
  type WASocket,
} from "@whiskeysockets/baileys";
import { AccountNumber } from "@sandi/contracts";
import { type Change, changeIn } from "../content/changes.ts";
import { fromProto, isViewOnce } from "../content/content.ts";
import { fileIn, type ReceivedFile } from "../content/media.ts";
import type { ReceivedContext } from "../content/context.ts";
import type { ReceivedContent } from "../content/kind.ts";
import { decode, type WireMessage } from "../content/wire.ts";
import { type AuthState, ownJids } from "./auth-state.ts";
import { beforeRatchet } from "./patches/before-ratchet.ts";
import { identityIn, namesOf, type PeopleListener } from "./identities.ts";
import { type MessageStanza, messageStanza } from "./message-stanza.ts";

/** What a socket reports of messages that people write. */
export interface MessageListener extends PeopleListener {
  /** Acknowledged to the server only after this has resolved. */
  onMessage(message: ReceivedMessage): Promise<void>;
  /** Storing something failed. */
  onUnsaved: (error: unknown) => void;
}

/** A message of a chat of two or of a group, or a change of an earlier one. */
export interface ReceivedMessage extends Omit<MessageStanza, "names"> {
  /** E.164 in its canonical spelling; null when only the LID is known. Of the author, or of the other person of the chat. */
  from: string | null;
  /** The jids of the author, or of the other person of the chat, as far as they are known. */
  names: string[];
  /** The account's own jids. */
  own: string[];
  said: Said;
}

interface Listener extends MessageListener {
  /** Whether this person is an admin of the group. Servers pass on what anybody says of that. */
  isAdmin(group: string, names: string[]): Promise<boolean>;
}

/** What a message says: something of its own, or a change of an earlier message. */
export type Said =
  | ({ content: ReceivedContent | { type: "undecryptable" } } & ReceivedContext & {
        isViewOnce: boolean;
        /** The keys of its edits and votes are made of it. */
        secret: Uint8Array | null;
        /** Null for a message without one, and for one that only the phone may open. */
        file: ReceivedFile | null;
      })
  | { change: Change };

/**
 * Reports messages as they are decrypted: before Baileys' receipt, which tells the server not to deliver them again, and
 * before its event buffer. @param drop closes the connection, so that what could not be stored is delivered again
 */
export function receiveMessages(sock: WASocket, auth: AuthState, listener: Listener, drop: () => void): void {
  /** Resolves when the messages that came before, and could not be decrypted, are reported. */
  let reported: Promise<void> = Promise.resolve();
  sock.ws.prependListener("CB:message", (node: BinaryNode) => {
    const stanza = messageStanza(node, auth);
    if (!stanza) return;
    identityIn(stanza.origin === null ? stanza.names : [], (one) => listener.onIdentity(one, stanza.at));
    for (const { content } of getBinaryNodeChildren(node, "enc")) {
      if (!(content instanceof Uint8Array)) continue;
      beforeRatchet(content, async (padded) => {
        await reported;
        await receive(stanza, readPadded(padded));
      });
    }
  });
  // Baileys' buffer would hold these behind messages that came later, and forget that they answer a request.
  const emit = sock.ev.emit.bind(sock.ev);
  sock.ev.emit = (event, data) => {
    if (event === "messages.upsert") takeUndecrypted(data as BaileysEventMap["messages.upsert"]);
    return emit(event, data);
  };

  /** Reports what came without a ciphertext that could be read, and what the account's phone has of it. */
  function takeUndecrypted({ messages, type, requestId }: BaileysEventMap["messages.upsert"]): void {
    for (const message of messages) {
      // Baileys has acknowledged it already, and has asked its author or the account's phone to send it again.
      const isMissing = isUnreadable(message);
      const stanza = isMissing || requestId !== undefined ? stanzaOf(message, type === "append") : null;
      if (!stanza) continue;
      const sent = message.message ? saidIn(message.message) : null;
      const said = isMissing ? unread(message.key.isViewOnce === true) : sent;
      reported = reported.then(() => receive(stanza, said)).catch(() => undefined);
    }
  }

  async function allNames(names: string[]): Promise<string[]> {
    const known = names.some((one) => isPnUser(one)) ? names : await namesOf(sock, listener, names[0]);
    return known.map((name) => jidNormalizedUser(name));
  }

  async function receive({ names, ...stanza }: MessageStanza, said: Said | null): Promise<void> {
    if (!said) return;
    try {
      const known = await allNames(names);
      const { group, origin } = stanza;
      const isByAdmin =
        stanza.isByAdmin && group !== null && (origin !== null || (await listener.isAdmin(group, known)));
      await listener.onMessage({ ...stanza, isByAdmin, from: phoneOf(known), names: known, own: ownJids(auth), said });
    } catch (error) {
      listener.onUnsaved(error);
      drop();
      throw error;
    }
  }

  /** The stanza that a message came in; null for one of the account itself. */
  function stanzaOf({ key, messageTimestamp, pushName }: WAMessage, isOffline: boolean) {
    if (!key.id || !key.remoteJid || key.fromMe) return null;
    const attrs: Record<string, string> = {
      id: key.id,
      from: key.remoteJid,
      t: String(messageTimestamp),
      ...(pushName ? { notify: pushName } : {}),
      ...(isOffline ? { offline: "0" } : {}),
      ...(key.participant ? { participant: key.participant } : {}),
    };
    const stanza = messageStanza({ tag: "message", attrs }, auth);
    const alias = key.participant ? key.participantAlt : key.remoteJidAlt;
    return stanza && { ...stanza, names: [...stanza.names, ...(alias ? [alias] : [])] };
  }
}

/** Baileys could not decrypt it, or it came without its content. */
const isUnreadable = ({ key, message, messageStubType }: WAMessage): boolean =>
  !message && (messageStubType === proto.WebMessageInfo.StubType.CIPHERTEXT || key.isViewOnce === true);

const unread = (isOnce: boolean): Said => ({
  content: { type: isOnce ? "unsupported" : "undecryptable" },
  isForwarded: false,
  forwardings: 0,
  quoted: null,
  mentions: [],
  isViewOnce: isOnce,
  secret: null,
  file: null,
});

/** What a decrypted message says, as WhatsApp pads it; null for bytes that say nothing. */
export function readPadded(padded: Uint8Array): Said | null {
  let received: WireMessage;
  try {
    received = decode(unpadRandomMax16(padded));
  } catch {
    return null;
  }
  return saidIn(received);
}

function saidIn(received: WireMessage): Said | null {
  // What the account's own phone wrote to somebody else.
  const message = received.deviceSentMessage?.message ?? received;
  const change = changeIn(message);
  if (change) return { change };
  const read = fromProto(message);
  const secret = message.messageContextInfo?.messageSecret ?? received.messageContextInfo?.messageSecret;
  if (!read) return null;
  const isOnce = isViewOnce(message);
  const isForPhone = isOnce || ("isViewOnce" in read.content && read.content.isViewOnce === true);
  const file = isForPhone ? null : fileIn(message);
  return { ...read, isViewOnce: isOnce, secret: secret?.length ? secret : null, file };
}

function phoneOf(names: string[]): string | null {
  return AccountNumber.safeParse(`+${jidDecode(names.find((one) => isPnUser(one)))?.user}`).data ?? null;
}
