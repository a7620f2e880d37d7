import type { SimulatorEvent } from "./api.ts";
import type { Timers } from "./clock.ts";
import type { Faults } from "./faults.ts";
import type { Groups } from "./groups/group.ts";
import type { MediaServer } from "./media/server.ts";
import type { FileStore } from "./media/store.ts";
import type { LinkedDevice } from "./phone/device.ts";
import type { Envelope } from "./phone/envelope.ts";
import type { Phone } from "./phone/phone.ts";
import { otherSpellings } from "./spellings.ts";
import type { Counters } from "./stats.ts";
import type { ServerIdentity } from "./wire/certificates.ts";
import { type Jid, parseJid } from "./wire/jid.ts";
import type { ClientSocket } from "./wire/socket.ts";

/** A client and, after its login, its device. */
export interface Client extends ClientSocket {
  phone: Phone | undefined;
  device: LinkedDevice | undefined;
}

/** The state that the server and its phones share. */
export interface World {
  readonly now: () => number;
  readonly random: (bytes: number) => Buffer;
  readonly timers: Timers;
  readonly identity: ServerIdentity;
  readonly phones: Phones;
  readonly groups: Groups;
  readonly faults: Faults;
  readonly counters: Counters;
  readonly connections: Set<Client>;
  /** Unpaired clients by the references in their QRs. */
  readonly references: Map<string, Client>;
  readonly latencyMs: number;
  readonly readDelayMs: number;
  /** Hands a ciphertext to a phone that is online. */
  readonly receive: (phone: Phone, envelope: Envelope) => void;
  readonly emit: (event: SimulatorEvent) => void;
  /** Whether there is a listener; without one no event is built. */
  readonly observed: () => boolean;
  /** The hosts of encrypted files. */
  readonly media: MediaServer;
  /** The files that phones opened, by SHA-256 in hex. */
  readonly files: FileStore;
}

/** The phones, by phone number and by LID. */
export class Phones {
  readonly #byNumber = new Map<string, Phone>();
  readonly #byLid = new Map<string, Phone>();

  add(phone: Phone): void {
    this.#byNumber.set(phone.number, phone);
    this.#byLid.set(phone.lid, phone);
  }

  get size(): number {
    return this.#byNumber.size;
  }

  byNumber(digits: string): Phone | undefined {
    return this.#byNumber.get(digits);
  }

  /** Finds a typed number as the server does: Mexican, Brazilian and other accounts by either spelling. */
  dialled(digits: string): Phone | undefined {
    const numbers = [digits, ...otherSpellings(digits)];
    return numbers.map((number) => this.#byNumber.get(number)).find((phone) => phone !== undefined);
  }

  byLid(lid: string): Phone | undefined {
    return this.#byLid.get(lid);
  }

  byJid(jid: Jid | undefined): Phone | undefined {
    if (!jid) return undefined;
    if (jid.server === "lid") return this.#byLid.get(jid.user);
    return jid.server === "s.whatsapp.net" || jid.server === "c.us" ? this.#byNumber.get(jid.user) : undefined;
  }

  /** The E.164 number of a jid; the jid itself when no phone has it. */
  nameOf(jid: string): string {
    return this.byJid(parseJid(jid))?.e164 ?? jid;
  }

  [Symbol.iterator](): Iterator<Phone> {
    return this.#byNumber.values();
  }
}

export function seconds(world: World): number {
  return Math.floor(world.now() / 1000);
}
