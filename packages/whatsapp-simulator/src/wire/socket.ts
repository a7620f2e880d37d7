import type { BinaryNode } from "./nodes.ts";

/** What a client showed of itself when it asked to be paired. */
export interface PairingOffer {
  identity: Buffer;
  registrationId: number;
  signedPreKey: { id: number; key: Buffer; signature: Buffer };
  platform: string;
}

/** One open line to a client, as those see it who only talk over it. */
export interface ClientSocket {
  /** The client's static key, which is what it is known by at its next login. */
  readonly noiseKey: Buffer;
  /** Present as long as the client waits to be paired. */
  offer: PairingOffer | undefined;
  readonly isOpen: boolean;
  send(stanza: BinaryNode): void;
  /** Asks the client something; undefined when it goes away without an answer. */
  ask(stanza: BinaryNode, onReply: (reply: BinaryNode | undefined) => void): void;
  /** Sends a final stanza at once, and closes. */
  end(finalStanza?: BinaryNode): void;
  /** Cuts the TCP connection. */
  drop(): void;
}
