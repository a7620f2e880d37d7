import { proto } from "@whiskeysockets/baileys";
import type { ChatMessage, MessageStatus } from "../api.ts";
import { base64, bytes } from "../signal/keys.ts";
import type { Content } from "./content/content.ts";

const messagesKept = 2000;
const order: Record<MessageStatus, number> = { queued: 0, sent: 1, delivered: 2, read: 3 };

export type StoredMessage = ChatMessage & {
  /** Absent in states of earlier versions. */
  content?: string;
};

/** The messages of a phone, oldest first; one id is one message. Their contents stay as they were sent, for replies and repetitions. */
export class Chat {
  readonly #messages: ChatMessage[] = [];
  readonly #byId = new Map<string, { message: ChatMessage; content: Uint8Array }>();

  constructor(stored: StoredMessage[] = []) {
    for (const { content = "", ...message } of stored) this.add(message, bytes(content));
  }

  get length(): number {
    return this.#messages.length;
  }

  /** Copies: the caller's list does not change later. */
  all(): ChatMessage[] {
    return this.#messages.map((message) => ({ ...message }));
  }

  toState(): StoredMessage[] {
    return this.#messages.map((message) => ({ ...message, content: base64(this.#byId.get(keyOf(message))!.content) }));
  }

  /** The first message of any chat with that id. */
  byId(id: string): ChatMessage | undefined {
    return this.first((message) => message.id === id);
  }

  first(matches: (message: ChatMessage) => boolean): ChatMessage | undefined {
    const found = this.#messages.find(matches);
    return found && { ...found };
  }

  find(chat: string, id: string): ChatMessage | undefined {
    return this.#byId.get(keyOf({ chat, id }))?.message;
  }

  /** The content of a message, with its secret. */
  contentOf(chat: string, id: string): Content | undefined {
    const found = this.#byId.get(keyOf({ chat, id }));
    return found && found.content.length > 0 ? proto.Message.decode(found.content) : undefined;
  }

  /** False when this chat shows the id already. */
  add(message: ChatMessage, content: Uint8Array): boolean {
    const key = keyOf(message);
    if (this.#byId.has(key)) return false;
    this.#byId.set(key, { message, content });
    this.#messages.push(message);
    if (this.#messages.length > messagesKept * 1.5) this.#trim();
    return true;
  }

  /** Moves a status forward, never back; returns the message when it moved. */
  advance(chat: string, id: string, status: MessageStatus): ChatMessage | undefined {
    const message = this.find(chat, id);
    if (!message || order[status] <= order[message.status]) return undefined;
    message.status = status;
    return message;
  }

  /** A group message has the status that all other members reached. */
  advanceMember(
    chat: string,
    id: string,
    { member, members, status }: { member: string; members: string[]; status: "delivered" | "read" },
  ): ChatMessage | undefined {
    const message = this.find(chat, id);
    if (!message) return undefined;
    const { receipts = [] } = message;
    const before = receipts.find(({ from }) => from === member);
    if (before && order[status] <= order[before.status]) return undefined;
    message.receipts = [...receipts.filter((each) => each !== before), { from: member, status }];
    const reached = new Map(message.receipts.map((each) => [each.from, order[each.status]]));
    const slowest = Math.min(...members.map((each) => reached.get(each) ?? order.sent));
    const whole = slowest === order.read ? "read" : slowest === order.delivered ? "delivered" : "sent";
    return this.advance(chat, id, whole) ?? message;
  }

  /** Changes what a message shows, or leaves only that it was deleted; undefined when there is no such message. */
  change(chat: string, id: string, change: Partial<ChatMessage> | "revoked"): ChatMessage | undefined {
    const found = this.#byId.get(keyOf({ chat, id }));
    if (!found) return undefined;
    const { from, to, direction, at, encryption, status } = found.message;
    const message: ChatMessage =
      change === "revoked"
        ? { id, from, to, chat, direction, at, encryption, status, kind: "revoked", text: "" }
        : // The kind of a message never changes otherwise.
          ({ ...found.message, ...change } as ChatMessage);
    this.#messages[this.#messages.indexOf(found.message)] = message;
    found.message = message;
    return message;
  }

  /** False when there is no such message. */
  remove(chat: string, id: string): boolean {
    const found = this.#byId.get(keyOf({ chat, id }));
    if (!found) return false;
    this.#byId.delete(keyOf({ chat, id }));
    this.#messages.splice(this.#messages.indexOf(found.message), 1);
    return true;
  }

  #trim(): void {
    for (const old of this.#messages.splice(0, this.#messages.length - messagesKept)) {
      this.#byId.delete(keyOf(old));
    }
  }
}

const keyOf = ({ chat, id }: Pick<ChatMessage, "chat" | "id">) => `${chat} ${id}`;
