import { Curve, proto } from "@whiskeysockets/baileys";
import type { WebSocket } from "ws";
import type { LinkedDevice } from "../phone/device.ts";
import type { Phone } from "../phone/phone.ts";
import { FrameReader, frameOf } from "../wire/frames.ts";
import { NoiseHandshake, type NoiseTransport } from "../wire/noise.ts";
import { type BinaryNode, decodeNode, encodeNode, node } from "../wire/nodes.ts";
import type { PairingOffer } from "../wire/socket.ts";
import type { Client, World } from "../world.ts";

/** The server's side of a connection: called at the login and for each stanza afterwards. */
export interface Protocol {
  authenticated(connection: Connection, payload: proto.ClientPayload): void;
  stanza(connection: Connection, stanza: BinaryNode): void;
  closed(connection: Connection): void;
}

/** One socket of a client: handshake, then stanzas both ways, in order. */
export class Connection implements Client {
  noiseKey: Buffer = Buffer.alloc(0);
  offer: PairingOffer | undefined;
  phone: Phone | undefined;
  device: LinkedDevice | undefined;
  isOpen = true;
  /** Waits for the client's answers to IQs of the server. */
  readonly replies = new Map<string, (reply: BinaryNode | undefined) => void>();
  readonly #world: World;
  readonly #socket: WebSocket;
  readonly #protocol: Protocol;
  readonly #reader = new FrameReader();
  #handshake: NoiseHandshake | undefined = new NoiseHandshake();
  #ephemeral: ReturnType<typeof Curve.generateKeyPair> | undefined;
  #transport: NoiseTransport | undefined;
  /** The time when the last delayed stanza is due. */
  #lastDue = 0;
  #delayed = 0;
  #ending = false;

  constructor(world: World, socket: WebSocket, protocol: Protocol) {
    this.#world = world;
    this.#socket = socket;
    this.#protocol = protocol;
    socket.on("message", (data: Buffer) => this.#receive(data));
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      this.isOpen = false;
      for (const onReply of this.replies.values()) onReply(undefined);
      protocol.closed(this);
    });
  }

  send(stanza: BinaryNode): void {
    if (!this.isOpen || this.#ending) return;
    const { faults, latencyMs } = this.#world;
    const number = this.phone?.number;
    if (number !== undefined && faults.peek("silence", number)) return;
    // An IQ here answers a ping: the fault lets no other stanza in.
    if (number !== undefined && stanza.tag !== "iq" && faults.peek("deaf", number)) return;
    const delay = Math.max(latencyMs, this.phone?.latencyMs ?? 0, faults.peek("latency", number)?.ms ?? 0);
    if (delay === 0 && this.#delayed === 0) {
      this.#write(stanza);
      return;
    }
    // A later stanza never overtakes an earlier one, also if the latency falls.
    this.#lastDue = Math.max(this.#lastDue, this.#world.now() + delay);
    this.#delayed++;
    this.#world.timers.after(this.#lastDue - this.#world.now(), () => {
      this.#delayed--;
      this.#write(stanza);
    });
  }

  ask(stanza: BinaryNode, onReply: (reply: BinaryNode | undefined) => void): void {
    this.replies.set(stanza.attrs["id"] ?? "", onReply);
    this.send(stanza);
  }

  end(finalStanza?: BinaryNode): void {
    if (!this.isOpen || this.#ending) return;
    if (finalStanza) this.#write(finalStanza);
    this.#ending = true;
    // The client closes by itself after most final stanzas; it gets a moment to read them first.
    this.#world.timers.after(20, () => this.#socket.close());
    this.#world.timers.after(500, () => this.#socket.terminate());
  }

  drop(): void {
    this.#socket.terminate();
  }

  #write(stanza: BinaryNode): void {
    if (!this.isOpen || this.#ending || !this.#transport) return;
    this.#socket.send(frameOf(this.#transport.encrypt(encodeNode(stanza))));
  }

  #receive(data: Buffer): void {
    try {
      for (const frame of this.#reader.push(data)) {
        if (this.#transport) this.#take(decodeNode(this.#transport.decrypt(frame)));
        else this.#shakeHands(proto.HandshakeMessage.decode(frame));
      }
    } catch {
      // The real server closes the connection, too.
      this.#world.counters.cutOff++;
      this.drop();
    }
  }

  #take(stanza: BinaryNode): void {
    const isDeaf = this.phone && this.#world.faults.peek("deaf", this.phone.number);
    if (!isDeaf || stanza.attrs["xmlns"] === "w:p") this.#protocol.stanza(this, stanza);
  }

  #shakeHands({ clientHello, clientFinish }: proto.HandshakeMessage): void {
    const handshake = this.#handshake;
    if (!handshake) throw new Error("no handshake under way");
    if (!this.#ephemeral && clientHello?.ephemeral) {
      this.#socket.send(frameOf(this.#hello(handshake, clientHello.ephemeral)));
      return;
    }
    if (!this.#ephemeral || !clientFinish?.static || !clientFinish.payload) throw new Error("out of order");
    this.noiseKey = handshake.decrypt(clientFinish.static);
    handshake.mixDh(this.#ephemeral, this.noiseKey);
    const payload = proto.ClientPayload.decode(handshake.decrypt(clientFinish.payload));
    this.#transport = handshake.finish();
    this.#handshake = undefined;
    this.#protocol.authenticated(this, payload);
  }

  #hello(handshake: NoiseHandshake, clientEphemeral: Uint8Array): Uint8Array {
    const { staticKey, chain, foreignChain } = this.#world.identity;
    const ephemeral = Curve.generateKeyPair();
    this.#ephemeral = ephemeral;
    handshake.authenticate(clientEphemeral);
    handshake.authenticate(ephemeral.public);
    handshake.mixDh(ephemeral, clientEphemeral);
    const encryptedStatic = handshake.encrypt(staticKey.public);
    handshake.mixDh(staticKey, clientEphemeral);
    const payload = handshake.encrypt(this.#world.faults.take("wrong-root") ? foreignChain : chain);
    const serverHello = { ephemeral: ephemeral.public, static: encryptedStatic, payload };
    return proto.HandshakeMessage.encode({ serverHello }).finish();
  }
}

export function streamError(code: number | undefined, reason?: BinaryNode): BinaryNode {
  return node("stream:error", { code }, reason && [reason]);
}
