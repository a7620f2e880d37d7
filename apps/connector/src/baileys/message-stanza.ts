import {
  type BinaryNode,
  decodeMessageNode,
  isJidGroup,
  isLidUser,
  isPnUser,
  jidDecode,
} from "@whiskeysockets/baileys";
import type { AuthState } from "./auth-state.ts";

/** Whose message a stanza carries, and in which chat. */
export interface MessageStanza {
  waId: string;
  /** The group's jid; null in a chat of two. */
  group: string | null;
  /** Where the account's owner wrote it; null: somebody else wrote it. */
  origin: "phone" | "device" | null;
  /** The jids of the author, or in a chat of two the jids of the other person, as the stanza names them. */
  names: string[];
  /** As the author calls themselves. */
  pushName: string | null;
  isOffline: boolean;
  /** The stanza says that it deletes a message of somebody else, as an admin of the group. */
  isByAdmin: boolean;
  at: Date;
}

const adminRevoke = "8";

/** Reads a stanza with a message of a chat of two or of a group; null for any other. */
export function messageStanza(node: BinaryNode, { creds }: Pick<AuthState, "creds">): MessageStanza | null {
  const { id, lid } = creds.me ?? {};
  if (!id) return null;
  try {
    const { fullMessage, author } = decodeMessageNode(node, id, lid ?? "");
    const { key, category, messageTimestamp, pushName } = fullMessage;
    const { remoteJid, remoteJidAlt, participantAlt } = key;
    // Messages between the account's own devices hold keys.
    if (category === "peer" || !key.id || !remoteJid) return null;
    const group = isJidGroup(remoteJid) ? remoteJid : null;
    if (!group && !isPerson(remoteJid)) return null;
    const { attrs } = node;
    // Without a recipient it is a note of the account to itself, or for one device only.
    if (key.fromMe && !group && attrs["recipient"] === undefined) return null;
    const [name, alias] = group
      ? [key.participant, participantAlt]
      : [remoteJid, key.fromMe ? aliasOfRecipient(attrs) : remoteJidAlt];
    return {
      waId: key.id,
      group,
      origin: key.fromMe ? ((jidDecode(author)?.device ?? 0) === 0 ? "phone" : "device") : null,
      names: group && key.fromMe ? [] : [name, alias].filter((one) => typeof one === "string"),
      pushName: (!key.fromMe && pushName) || null,
      isOffline: attrs["offline"] !== undefined,
      isByAdmin: attrs["edit"] === adminRevoke,
      at: new Date(Number(messageTimestamp) * 1000),
    };
  } catch {
    // A stanza that Baileys refuses as well.
    return null;
  }
}

const isPerson = (jid: string) => isPnUser(jid) === true || isLidUser(jid) === true;

const aliasOfRecipient = (attrs: BinaryNode["attrs"]) =>
  attrs["peer_recipient_pn"] ?? attrs["recipient_pn"] ?? attrs["peer_recipient_lid"] ?? attrs["recipient_lid"];
