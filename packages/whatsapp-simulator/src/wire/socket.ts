import type { BinaryNode } from "./nodes.ts";

/** The keys that a client sent with its request to be paired. */
export interface PairingOffer {
  identity: Buffer;
  registrationId: number;
  signedPreKey: { id: number; key: Buffer; signature: Buffer };
  platform: string;
}

/** One open connection to a client. */
export interface ClientSocket {
  /** The client's static key, which identifies it at its next login. */
  readonly noiseKey: Buffer;
  /** Present as long as the client waits to be paired. */
  offer: PairingOffer | undefined;
  readonly isOpen: boolean;
  send(stanza: BinaryNode): void;
  /** Sends the client a query; undefined if it disconnects without an answer. */
  ask(stanza: BinaryNode, onReply: (reply: BinaryNode | undefined) => void): void;
  /** Sends a final stanza at once, and closes. */
  end(finalStanza?: BinaryNode): void;
  /** Cuts the TCP connection. */
  drop(): void;
}
