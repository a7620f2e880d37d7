import type { proto } from "@whiskeysockets/baileys";
import type { Addressing, SendOptions } from "../api.ts";
import { SimulatorError } from "../errors.ts";
import { jidOf } from "../wire/jid.ts";
import type { World } from "../world.ts";
import type { Phone } from "./phone.ts";
import { chatOf, type Recipient } from "./transmit.ts";

interface Writing {
  phone: Phone;
  to: Recipient;
  /** How the message names people. */
  mode: Addressing;
}

/** The context that a client gives a message: that it is forwarded, what it replies to, whom it names. */
export function contextInfoOf(
  world: World,
  { phone, to, mode }: Writing,
  { forwarded, quotedMessageId, mentions }: SendOptions,
): proto.IContextInfo {
  const jidOfPerson = (person: string) => {
    const found = world.phones.byNumber(person.replace("+", ""));
    return found ? jidOf(found, mode) : person;
  };
  return {
    ...(forwarded && { isForwarded: true, forwardingScore: 1 }),
    ...(quotedMessageId !== undefined && quoteOf(world, { phone, to, mode }, quotedMessageId)),
    ...(mentions === "all" ? { nonJidMentions: 1 } : mentions && { mentionedJid: mentions.map(jidOfPerson) }),
  };
}

function quoteOf(world: World, { phone, to, mode }: Writing, id: string): proto.IContextInfo {
  const quoted = phone.chat.find(chatOf(to), id);
  const content = phone.chat.contentOf(chatOf(to), id);
  const author = quoted && world.phones.byNumber(quoted.from.slice(1));
  if (!author || !content) throw new SimulatorError("message_not_found", undefined, { field: "quotedMessageId" });
  const { messageContextInfo: _, ...quotedMessage } = content;
  return { stanzaId: id, participant: jidOf(author, mode), quotedMessage };
}
