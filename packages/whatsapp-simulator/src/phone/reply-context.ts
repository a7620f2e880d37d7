import type { proto } from "@whiskeysockets/baileys";
import type { Addressing, SendOptions } from "../api.ts";
import { SimulatorError } from "../errors.ts";
import { jidOf } from "../wire/jid.ts";
import type { World } from "../world.ts";
import type { Phone } from "./phone.ts";

interface Writing {
  phone: Phone;
  to: Phone;
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
    ...(quotedMessageId !== undefined && quoteOf({ phone, to, mode }, quotedMessageId)),
    ...(mentions === "all" ? { nonJidMentions: 1 } : mentions && { mentionedJid: mentions.map(jidOfPerson) }),
  };
}

function quoteOf({ phone, to, mode }: Writing, id: string): proto.IContextInfo {
  const quoted = phone.chat.find(to.e164, id);
  const content = phone.chat.contentOf(to.e164, id);
  if (!quoted || !content) throw new SimulatorError("message_not_found", undefined, { field: "quotedMessageId" });
  const { messageContextInfo: _, ...quotedMessage } = content;
  const author = quoted.direction === "out" ? phone : to;
  return { stanzaId: id, participant: jidOf(author, mode), quotedMessage };
}
