import { base64, bytes } from "../signal/keys.ts";
import { type BinaryNode, decodeNode, encodeNode } from "../wire/nodes.ts";
import type { ClientSocket } from "../wire/socket.ts";

export type StoredMailbox = [key: string, node: string][];

const stanzasKept = 5000;

/** The stanzas that a companion has not confirmed: delivered now if it is connected, and again at its next login. */
export class Mailbox {
  readonly #unconfirmed = new Map<string, BinaryNode>();
  #reader: ClientSocket | undefined;

  constructor(stored: StoredMailbox = []) {
    for (const [key, node] of stored) this.#unconfirmed.set(key, decodeNode(bytes(node)));
  }

  get size(): number {
    return this.#unconfirmed.size;
  }

  deliver(stanza: BinaryNode): void {
    this.#unconfirmed.set(keyOf(stanza.tag, stanza.attrs["id"], stanza.attrs["type"]), stanza);
    if (this.#unconfirmed.size > stanzasKept) this.#dropOldest();
    this.#reader?.send(stanza);
  }

  /** The companion acked a stanza, or sent a receipt for a message. */
  confirm(tag: string, id: string | undefined, type?: string): boolean {
    return this.#unconfirmed.delete(keyOf(tag, id, type));
  }

  /** Delivers everything that waits, marked `offline`; later stanzas go to this socket directly. */
  open(reader: ClientSocket): void {
    const waiting = [...this.#unconfirmed.values()];
    const [peer, others] = [waiting.filter(isPeer), waiting.filter((stanza) => !isPeer(stanza))];
    for (const stanza of others) {
      reader.send({ ...stanza, attrs: { ...stanza.attrs, offline: "0" } });
    }
    reader.send({
      tag: "ib",
      attrs: {},
      content: [{ tag: "offline", attrs: { count: String(others.length) } }],
    });
    // Baileys takes history only after it heard that the offline queue is over.
    for (const stanza of peer) reader.send(stanza);
    this.#reader = reader;
  }

  close(reader: ClientSocket): void {
    if (this.#reader === reader) this.#reader = undefined;
  }

  get isRead(): boolean {
    return this.#reader !== undefined;
  }

  isReadBy(reader: ClientSocket): boolean {
    return this.#reader === reader;
  }

  toState(): StoredMailbox {
    return [...this.#unconfirmed].map(([key, node]) => [key, base64(encodeNode(node))]);
  }

  #dropOldest(): void {
    for (const key of this.#unconfirmed.keys()) {
      this.#unconfirmed.delete(key);
      return;
    }
  }
}

function isPeer(stanza: BinaryNode): boolean {
  return stanza.attrs["category"] === "peer";
}

/** A message is confirmed by any receipt for its id; the rest by acks that repeat the type. */
function keyOf(tag: string, id: string | undefined, type: string | undefined): string {
  return tag === "message" ? `message ${id}` : `${tag} ${id} ${type ?? ""}`;
}
