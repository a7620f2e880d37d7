import type { ChatMessage, MessageStatus } from "../api.ts";

const messagesKept = 2000;
const order: Record<MessageStatus, number> = { queued: 0, sent: 1, delivered: 2, read: 3 };

/** The messages of a phone, oldest first; one id is one message. */
export class Chat {
  readonly #messages: ChatMessage[] = [];
  readonly #byId = new Map<string, ChatMessage>();

  constructor(stored: ChatMessage[] = []) {
    for (const message of stored) this.add(message);
  }

  get length(): number {
    return this.#messages.length;
  }

  /** Copies: the caller's list does not change later. */
  all(): ChatMessage[] {
    return this.#messages.map((message) => ({ ...message }));
  }

  first(matches: (message: ChatMessage) => boolean): ChatMessage | undefined {
    const found = this.#messages.find(matches);
    return found && { ...found };
  }

  find(chat: string, id: string): ChatMessage | undefined {
    return this.#byId.get(`${chat} ${id}`);
  }

  /** False when this chat shows the id already. */
  add(message: ChatMessage): boolean {
    const key = `${message.chat} ${message.id}`;
    if (this.#byId.has(key)) return false;
    this.#byId.set(key, message);
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

  #trim(): void {
    for (const old of this.#messages.splice(0, this.#messages.length - messagesKept)) {
      this.#byId.delete(`${old.chat} ${old.id}`);
    }
  }
}
