/**
 * Everything that can go wrong on purpose. `number` is the phone (its companions' sockets, or the phone itself);
 * without it the fault hits all phones. `times` ends a lasting fault after this number of uses.
 */
export type Fault =
  // At once, on the companions' open sockets (`device` picks one of several).
  /** conflict/replaced: Baileys closes with 440. */
  | { kind: "replaced"; number?: string; device?: number }
  /** conflict/device_removed: 401, and the device is unlinked. */
  | { kind: "device-removed"; number?: string; device?: number }
  /** `<stream:error code>`: Baileys closes with that code (500, 503, 515, …). */
  | { kind: "stream-error"; number?: string; device?: number; code: number }
  /** `<ib><downgrade_webclient/></ib>`: 411. */
  | { kind: "downgrade"; number?: string; device?: number }
  /** `<xmlstreamend/>`: 428. */
  | { kind: "stream-end"; number?: string; device?: number }
  /** The TCP connection is cut: 428. */
  | { kind: "drop"; number?: string; device?: number }
  /** Stanzas that no client can handle: one does not decode, others are incomplete. */
  | { kind: "unreadable"; number?: string; device?: number }
  /**
   * The server sends a stanza at the wrong time: a success to a client that is not linked (without `number`) or has logged in,
   * references for QR codes to one that is linked, or its pair-success a second time.
   */
  | { kind: "out-of-turn"; number?: string; device?: number; says: "success" | "pair-device" | "pair-success" }
  // Lasting, until cleared or used up.
  /** An HTTP answer instead of the WebSocket, as from a proxy (no number: it is not known yet). */
  | { kind: "http-answer"; status: number; times?: number }
  /** `<failure reason>` at login: 401, 403, 405, 415, 503, … */
  | { kind: "login-failure"; number?: string; reason: number; times?: number }
  /** Pings are not answered: 408 after two keep-alive intervals. */
  | { kind: "no-pong"; number?: string }
  /** Nothing is sent to the companion, as on a half-open connection. */
  | { kind: "silence"; number?: string }
  /** The server answers pings, ignores everything else and delivers nothing. */
  | { kind: "deaf"; number?: string }
  /**
   * The ack of a send carries an error: 463 (reach-out time-lock), 475, 479. The message is not delivered. With
   * `addressing` only sends to a phone number (the server refuses them with 463 for contacts that moved to LIDs) or to a
   * LID (400 for accounts that did not).
   */
  | { kind: "send-error"; number?: string; code: number; to?: string; addressing?: "pn" | "lid"; times?: number }
  /** A send gets no ack. The message is delivered anyway, unless `deliver` is false. */
  | { kind: "no-ack"; number?: string; to?: string; deliver?: boolean; times?: number }
  /** The phone sends no receipts. */
  | { kind: "mute"; number?: string }
  /** Everything sent to the companion takes this long. */
  | { kind: "latency"; number?: string; ms: number }
  /** The phone's receipts arrive twice. */
  | { kind: "duplicate-receipts"; number?: string; times?: number }
  /** The number answers as if it were not on WhatsApp. */
  | { kind: "unregistered"; number?: string }
  /** `usync` answers to the companion leave out `to`, or everybody: `about` is `contact` (look-ups) unless it says `devices`. */
  | { kind: "usync-silence"; number?: string; to?: string; about?: UsyncProtocol; times?: number }
  /**
   * `usync` answers carry an error with that code and `backoff` seconds: of each user (`to`, or everybody), of the
   * `result` with an empty list, or in place of an answer. `at` is `user` unless it says otherwise.
   */
  | {
      kind: "usync-error";
      number?: string;
      to?: string;
      about?: UsyncProtocol;
      at?: "user" | "result" | "iq";
      code: number;
      backoff?: number;
      times?: number;
    }
  /** IQs of a namespace, such as `encrypt` or `privacy`, are answered with an error. */
  | { kind: "iq-error"; number?: string; xmlns: string; code: number; backoff?: number; times?: number }
  /**
   * The app state: an upload is refused as if another device had been faster (`conflict`), or a fetch is answered that
   * there are more patches, without any (`more`), without the collection (`nothing`), or with a patch that was changed on
   * the way (`tampered`).
   */
  | { kind: "app-state"; number?: string; says: "conflict" | "more" | "nothing" | "tampered"; times?: number }
  /** Queries for the account's limits are answered with an error, or with `null` if `empty` is set. */
  | { kind: "limits-error"; number?: string; empty?: boolean; times?: number }
  /** Descriptions of a group have no time of creation, and an expiration of 0 for disappearing messages. */
  | { kind: "sparse-group"; number?: string; times?: number }
  /** Messages to the companion name their sender by phone number or by LID, never by both. */
  | { kind: "one-name"; number?: string }
  /** The account of this number hides it: everything names it by LID alone, and sends to its number get 463. */
  | { kind: "lid-only"; number?: string }
  /** The phone still gets the ciphertext of groups that it has left, as a listener at the server would. */
  | { kind: "former-member"; number?: string }
  /** What the phone writes has no secret: nobody can read its encrypted edits, or vote in its polls. */
  | { kind: "missing-secret"; number?: string; times?: number }
  /** A media host, or both, cuts every connection. */
  | { kind: "media-down"; host?: 1 | 2; by?: MediaClient; times?: number }
  /** The media hosts answer downloads, or uploads, with that status: 404 and 410 for files that are gone. */
  | { kind: "media-error"; status: number; at?: "download" | "upload"; by?: MediaClient; times?: number }
  /** Downloads bring another file: a byte of its content or of its MAC differs, or its second half is missing. */
  | { kind: "media-damaged"; how: "tampered" | "wrong-mac" | "truncated"; by?: MediaClient; times?: number }
  /** The media hosts wait so long before they read an upload. */
  | { kind: "media-slow-upload"; ms: number; by?: MediaClient; times?: number }
  /** Messages to the companion arrive damaged: it asks for a retry. */
  | { kind: "corrupt-to-companion"; number?: string; times?: number }
  /** Messages to the companion come without their content: it asks the account's phone for it. */
  | { kind: "placeholder"; number?: string; times?: number }
  /** A message to the companion is overtaken by the next one. */
  | { kind: "reorder"; number?: string; times?: number }
  /** Messages to the phone arrive damaged: the phone asks for a retry. */
  | { kind: "corrupt-to-phone"; number?: string; times?: number }
  /** The certificate chain is signed by another root than the announced one (no number: it is not known yet). */
  | { kind: "wrong-root"; times?: number }
  /** The account signature in pair-success is broken. */
  | { kind: "tampered-account-signature"; number?: string; times?: number }
  /** The signed pre-key's signature in key bundles of this number is broken. */
  | { kind: "tampered-bundle"; number?: string; times?: number }
  /** The account requires a passkey: after a scan the client is asked for it, after a code it gets no answer. */
  | { kind: "pairing-stall"; number?: string; times?: number }
  /**
   * When a client asks for a pairing code, a `link_code_companion_reg` notification without keys comes first, as in
   * ordinary pairings; with `passkey` the request for a passkey follows it.
   */
  | { kind: "empty-link-code"; number?: string; passkey?: boolean; times?: number };

/** Who asks a media host. */
export type MediaClient = "phone" | "companion";

export type UsyncProtocol = "contact" | "devices";

export type FaultKind = Fault["kind"];

/** A fault with the id that ends it; `lasting` is false for a fault that acted once, at once. */
export type FaultRecord = Fault & { id: string; lasting: boolean };

type LastingKind = Exclude<
  FaultKind,
  "replaced" | "device-removed" | "stream-error" | "downgrade" | "stream-end" | "drop" | "unreadable" | "out-of-turn"
>;
export type InstantFault = Extract<Fault, { kind: Exclude<FaultKind, LastingKind> }>;

const instantKinds = new Set<FaultKind>([
  "replaced",
  "device-removed",
  "stream-error",
  "downgrade",
  "stream-end",
  "drop",
  "unreadable",
  "out-of-turn",
]);

export function isInstant(fault: Fault): fault is InstantFault {
  return instantKinds.has(fault.kind);
}

type FaultOf<K extends FaultKind> = Extract<Fault, { kind: K }>;

/** The lasting faults that are on. Numbers are digits here. */
export class Faults {
  readonly #active = new Map<string, FaultRecord>();
  readonly #onChange: (faults: FaultRecord[]) => void;

  constructor(onChange: (faults: FaultRecord[]) => void = () => {}) {
    this.#onChange = onChange;
  }

  add(id: string, fault: Fault): FaultRecord {
    const record: FaultRecord = { ...fault, id, lasting: !isInstant(fault) };
    if (record.lasting) {
      this.#active.set(id, record);
      this.#onChange(this.list());
    }
    return record;
  }

  list(): FaultRecord[] {
    return [...this.#active.values()];
  }

  clear(id: string): boolean {
    const wasOn = this.#active.delete(id);
    if (wasOn) this.#onChange(this.list());
    return wasOn;
  }

  clearAll(): void {
    this.#active.clear();
    this.#onChange([]);
  }

  /** Whether such a fault is on, without using it up; `fits` looks at its other fields. */
  peek<K extends LastingKind>(
    kind: K,
    number?: string,
    to?: string,
    fits: (fault: FaultOf<K>) => boolean = () => true,
  ): FaultOf<K> | undefined {
    if (this.#active.size === 0) return undefined;
    for (const fault of this.#active.values()) {
      if (fault.kind !== kind) continue;
      if ("number" in fault && fault.number !== undefined && fault.number !== number) continue;
      if ("to" in fault && fault.to !== undefined && fault.to !== to) continue;
      if (fits(fault as unknown as FaultOf<K>)) return fault as unknown as FaultOf<K>;
    }
    return undefined;
  }

  /** Like `peek`, but counts one use of a fault with `times`. */
  take<K extends LastingKind>(
    kind: K,
    number?: string,
    to?: string,
    fits?: (fault: FaultOf<K>) => boolean,
  ): FaultOf<K> | undefined {
    const fault = this.peek(kind, number, to, fits);
    if (fault) this.#spend(fault as unknown as { id: string; times?: number });
    return fault;
  }

  #spend(fault: { id: string; times?: number }): void {
    if (fault.times !== undefined && --fault.times <= 0) this.clear(fault.id);
  }
}
