import { proto } from "@whiskeysockets/baileys";
import type { ChatMessage, MessageStatus } from "../api.ts";
import { base64, bytes } from "../signal/keys.ts";
import type { Content, Shown } from "./content/content.ts";

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

  /** Shows something else in place of a message; returns it, or undefined when there is no such message. */
  replace(chat: string, id: string, shown: Shown): ChatMessage | undefined {
    const found = this.#byId.get(keyOf({ chat, id }));
    if (!found) return undefined;
    const { from, to, direction, at, encryption, status } = found.message;
    const message: ChatMessage = { id, from, to, chat, direction, at, encryption, status, ...shown };
    this.#messages[this.#messages.indexOf(found.message)] = message;
    found.message = message;
    return message;
  }

  #trim(): void {
    for (const old of this.#messages.splice(0, this.#messages.length - messagesKept)) {
      this.#byId.delete(keyOf(old));
    }
  }
}

const keyOf = ({ chat, id }: Pick<ChatMessage, "chat" | "id">) => `${chat} ${id}`;
