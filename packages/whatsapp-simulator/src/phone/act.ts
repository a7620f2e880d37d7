import { normalizeMessageContent, proto } from "@whiskeysockets/baileys";
import type { Action, ChatMessage, SendOptions } from "../api.ts";
import { SimulatorError } from "../errors.ts";
import { Group } from "../groups/group.ts";
import { jidOf } from "../wire/jid.ts";
import { seconds, type World } from "../world.ts";
import { applyChange, pollOptions } from "./changes.ts";
import type { Content } from "./content/content.ts";
import type { Phone } from "./phone.ts";
import { sealEdit, sealVote } from "./secrets.ts";
import { chatOf, type Recipient, transmit } from "./transmit.ts";
import { addressingTo, newMessageId, requireWriter } from "./write.ts";

const { Type } = proto.Message.ProtocolMessage;
const { Type: PinType } = proto.Message.PinInChatMessage;
const ivBytes = 12;
/** A phone can send so many of its actions again. */
const mostActions = 1_000;

/** A message of the chat, its author, and how clients name it. */
interface Target {
  message: ChatMessage;
  author: Phone;
  key: proto.IMessageKey;
  content: Content | undefined;
}

/** Reacts to, edits, deletes or pins a message of a chat, or votes in its poll; returns the message as it is then. */
export async function act(
  world: World,
  phone: Phone,
  to: Recipient,
  { addressing: wished, forwarded: _none, ...action }: Action & SendOptions,
): Promise<ChatMessage> {
  requireWriter(phone, to);
  const addressing = addressingTo(world, phone, to, wished);
  const chat = chatOf(to);
  const id = targetIdOf(action);
  const target = targetOf(world, phone, to, { id, addressing });
  const at = seconds(world);
  const content = contentOf(world, phone, { to, action, target, addressing, at });
  world.counters.messagesWritten++;
  const change = { chat, actor: phone, at: new Date(at * 1000).toISOString(), isAdmin: isAdminOf(to, phone) };
  applyChange(world, phone, content, change);
  const own = newMessageId(world);
  phone.actions.set(`${chat} ${own}`, content);
  for (const [oldest] of phone.actions) {
    if (phone.actions.size <= mostActions) break;
    phone.actions.delete(oldest);
  }
  await transmit(world, phone, to, { id: own, content, addressing, at });
  return { ...(phone.chat.find(chat, id) ?? target.message) };
}

function targetIdOf(action: Action): string {
  if ("reactTo" in action) return action.reactTo;
  if ("edit" in action) return action.edit;
  if ("delete" in action) return action.delete;
  return "pin" in action ? action.pin : action.voteIn;
}

const isAdminOf = (to: Recipient, phone: Phone) => to instanceof Group && to.isAdmin(phone.number);

function targetOf(
  world: World,
  phone: Phone,
  to: Recipient,
  { id, addressing }: { id: string; addressing: "pn" | "lid" },
): Target {
  const message = phone.chat.find(chatOf(to), id);
  const author = message && world.phones.byNumber(message.from.slice(1));
  if (!message || !author || message.kind === "revoked") throw new SimulatorError("message_not_found");
  const fromMe = author === phone;
  const key = {
    remoteJid: to instanceof Group ? to.jid : jidOf(to, addressing),
    fromMe,
    id,
    ...(to instanceof Group && !fromMe && { participant: jidOf(author, "lid") }),
  };
  return { message, author, key, content: phone.chat.contentOf(chatOf(to), id) };
}

interface Doing {
  to: Recipient;
  action: Action;
  target: Target;
  addressing: "pn" | "lid";
  at: number;
}

function contentOf(world: World, phone: Phone, { to, action, target, addressing, at }: Doing): Content {
  const { key, author, message, content } = target;
  const timestampMs = at * 1000;
  if ("reactTo" in action) return { reactionMessage: { key, text: action.emoji, senderTimestampMs: timestampMs } };
  if ("pin" in action) {
    const type = action.isPinned ? PinType.PIN_FOR_ALL : PinType.UNPIN_FOR_ALL;
    return { pinInChatMessage: { key, type, senderTimestampMs: timestampMs } };
  }
  if ("delete" in action) {
    if (author !== phone && !isAdminOf(to, phone)) throw new SimulatorError("not_author");
    return { protocolMessage: { key, type: Type.REVOKE } };
  }
  const secret = content?.messageContextInfo?.messageSecret;
  const about = secret?.length && message.id ? { id: message.id, secret, author, actor: phone } : undefined;
  if ("edit" in action) {
    if (author !== phone) throw new SimulatorError("not_author");
    const edited = editedContent(content, action.text);
    const edit: Content = {
      protocolMessage: { key, type: Type.MESSAGE_EDIT, editedMessage: edited, timestampMs },
    };
    if (!action.encrypted) return edit;
    if (!about) throw new SimulatorError("no_secret");
    const { MESSAGE_EDIT } = proto.Message.SecretEncryptedMessage.SecretEncType;
    const sealed = sealEdit(about, addressing, edit, world.random(ivBytes));
    return { secretEncryptedMessage: { targetMessageKey: key, ...sealed, secretEncType: MESSAGE_EDIT } };
  }
  const known = content ? pollOptions(content) : [];
  const unknown = action.options.find((option) => !known.includes(option));
  if (known.length === 0 || unknown !== undefined) {
    throw new SimulatorError("invalid_request", "this is no option of a poll", { field: "options" });
  }
  if (!about) throw new SimulatorError("no_secret");
  const { creatorBy = addressing, voterBy = addressing } = action;
  const vote = sealVote(about, { creatorBy, voterBy }, action.options, world.random(ivBytes));
  return { pollUpdateMessage: { pollCreationMessageKey: key, vote, senderTimestampMs: timestampMs } };
}

/** Media keep their file: an edit changes the caption. */
function editedContent(original: Content | undefined, text: string): Content {
  const plain = normalizeMessageContent(original);
  for (const name of ["imageMessage", "videoMessage", "documentMessage"] as const) {
    const part = plain?.[name];
    if (part) return { [name]: { ...part, caption: text } };
  }
  return { extendedTextMessage: { text } };
}
