import type { AccountLimits, LimitsPatch } from "./account/limits.ts";
import type { Readable } from "node:stream";
import type { MediaServer } from "./media/server.ts";
import type { Range } from "./media/store.ts";
import type { Fault, FaultRecord } from "./faults.ts";
import type { CreateGroup, GroupInfo, GroupPatch, ParticipantAction, ParticipantResult } from "./groups/api.ts";
import type { Shown, Written } from "./phone/content/content.ts";
import type { StatsSnapshot } from "./stats.ts";

/** Which receipts a phone sends for what it receives: none, or up to delivered, read or played. */
export type ReceiptsMode = "none" | "delivered" | "read" | "played";

/** How a message names people on the wire: by phone number or by hidden id (LID). */
export type Addressing = "pn" | "lid";

/** The status of a message on the phone that shows it. It only moves forward. */
export type MessageStatus = "queued" | "sent" | "delivered" | "read";

/** One message as a phone shows it: with the fields of its `kind`, which have the names of Sandi's API. */
export type ChatMessage = Sent & Shown;

interface Sent {
  id: string;
  /** E.164, with the plus. */
  from: string;
  to: string;
  /** The other party of the chat (E.164), or the raw jid of a group or an unknown address. */
  chat: string;
  direction: "in" | "out";
  /** ISO 8601, UTC. */
  at: string;
  /**
   * How it arrived: `pkmsg` opens a Signal session, `msg` continues one, `skmsg` is a group's, `none` was written on this
   * phone itself.
   */
  encryption: "pkmsg" | "msg" | "skmsg" | "none";
  status: MessageStatus;
  /** Only of what the account wrote in a group: how far each other member's phone is. */
  receipts?: { from: string; status: MessageStatus }[];
  reactions?: { from: string; emoji: string }[];
  /** Each voter's options in a poll. */
  votes?: { from: string; options: string[] }[];
  /** When its author edited it last: ISO 8601, UTC. */
  editedAt?: string;
  isPinned?: boolean;
  /** The phone's owner starred it; nobody else sees that. */
  isStarred?: boolean;
}

/** A companion (for Sandi: a session of the connector) that is linked to a phone. */
export interface LinkedDeviceInfo {
  id: number;
  jid: string;
  platform: string;
  connected: boolean;
  linkedAt: string;
  /** Stanzas that wait for its next login. */
  queued: number;
  /** The most sockets that were ever open for it at once; above one means that two owners held its credentials. */
  maxConcurrentSockets: number;
}

/** A phone as the API shows it. */
export interface PhoneInfo {
  /** E.164, with the plus. */
  number: string;
  lid: string;
  name: string;
  online: boolean;
  receipts: ReceiptsMode;
  latencyMs: number;
  /** How this phone addresses others; `auto` answers as it was addressed, and starts by phone number. */
  addressing: Addressing | "auto";
  devices: LinkedDeviceInfo[];
  messages: number;
  /** A companion asked this phone for a pairing code and waits for it to be typed. */
  awaitsPairingCode: boolean;
  limits: AccountLimits;
}

export interface CreatePhone {
  /** E.164 with or without the plus. */
  number: string;
  name?: string | undefined;
  receipts?: ReceiptsMode | undefined;
  addressing?: Addressing | "auto" | undefined;
}

export interface PhonePatch {
  name?: string | undefined;
  receipts?: ReceiptsMode | undefined;
  online?: boolean | undefined;
  /** Delays everything that the server sends to this phone's companions, and this phone's receipts. */
  latencyMs?: number | undefined;
  addressing?: Addressing | "auto" | undefined;
  limits?: LimitsPatch | undefined;
}

/**
 * What a person writes, by the fields of its `type` (without one it is a text), or does to an earlier message. `to` is a
 * number or the jid of a group.
 */
export type SendMessage = (Written | Action | SelfAction) & SendOptions & { to: string };

/** What a person does to a message of the chat, named by its id. */
export type Action =
  /** An empty emoji takes the reaction back. */
  | { reactTo: string; emoji: string }
  /** `encrypted`: as clients do since 2026, with a key that only those who have the message can make. */
  | { edit: string; text: string; encrypted?: boolean | undefined }
  /** For everyone. */
  | { delete: string }
  /** Clients mix how they name the creator and the voter; without these as the chat is addressed. */
  | { voteIn: string; options: string[]; creatorBy?: Addressing | undefined; voterBy?: Addressing | undefined }
  | { pin: string; isPinned: boolean };

/** What a person does to a message for themselves alone: the linked devices hear of it, nobody else. */
export type SelfAction =
  | { star: string }
  | { unstar: string }
  /** The message leaves the chat of this person. */
  | { deleteForMe: string };

export interface SendOptions {
  addressing?: Addressing | undefined;
  /** Marks the message as forwarded, as clients do. */
  forwarded?: boolean | undefined;
  /** The message of the same chat that it replies to, by its id on this phone. */
  quotedMessageId?: string | undefined;
  /** The own message that opened the album which it belongs to. */
  albumId?: string | undefined;
  /** The people that it names (E.164), or everybody. */
  mentions?: "all" | string[] | undefined;
}

/** A message as it appeared, or changed, on a phone. */
export interface MessageEvent {
  /** The phone that shows it, E.164. */
  phone: string;
  message: ChatMessage;
}

/** The decrypted file of a message. */
export interface MessageFile {
  mimeType: string;
  sizeBytes: number;
  fileName: string | undefined;
  read: (range?: Range) => Readable;
}

/** The live events for the page. */
export type SimulatorEvent =
  | { type: "phone"; phone: PhoneInfo }
  | ({ type: "message" | "status" } & MessageEvent)
  | { type: "removed"; phone: string; chat: string; id: string }
  | { type: "typing"; phone: string; chat: string; isTyping: boolean }
  | { type: "group"; group: GroupInfo }
  | { type: "pending"; waiting: number }
  | { type: "faults"; faults: FaultRecord[] };

export interface SimulatorOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  /** A loopback address; anything else is refused. */
  host?: string;
  /** Where phones, keys and queues survive a restart; without it everything lives in memory. */
  stateFile?: string;
  /** Milliseconds since the epoch. */
  now?: () => number;
  /** Runs a function later and returns how to cancel it; for clocks that tests drive. */
  schedule?: (run: () => void, afterMs: number) => () => void;
  /** Source of ids, references and LIDs (keys always come from node:crypto). */
  random?: (bytes: number) => Buffer;
  /** Delays every frame to every companion. */
  latencyMs?: number;
  /** How long a phone takes to read what it received; 5 by default. */
  readDelayMs?: number;
  /** Time between two writes of the state file; 1000 by default. */
  saveDelayMs?: number;
}

/** A running simulated WhatsApp. Methods that take a number accept `+62…` or digits, and throw SimulatorError. */
export interface Simulator {
  /** The URL for Baileys: `waWebSocketUrl`. */
  readonly url: string;
  /** The control API and the page. */
  readonly httpUrl: string;
  readonly port: number;
  /** The root public key, hex: `WA_CERT_DETAILS.PUBLIC_KEY`. */
  readonly rootKey: string;
  readonly rootKeyBytes: Buffer;
  /** The https hosts of media. */
  readonly media: Omit<MediaServer, "close">;

  createPhone(input: CreatePhone): PhoneInfo;
  phones(): PhoneInfo[];
  phone(number: string): PhoneInfo;
  updatePhone(number: string, patch: PhonePatch): PhoneInfo;
  messages(number: string): ChatMessage[];
  /** Writes a message on the phone, or acts on one; resolves when the server has it, with the message as it is then. */
  send(number: string, message: SendMessage): Promise<ChatMessage>;
  /** The file of a message that the phone could open. */
  file(number: string, id: string): MessageFile;
  /** Puts a file into the phones' files, for messages that name it by its SHA-256; at most 100 MiB. */
  addFile(content: AsyncIterable<Uint8Array>): Promise<{ sha256: string; sizeBytes: number }>;
  /** Opens a `https://wa.me/<digits>?text=…` link on the phone and taps send; resolves as `send` does. */
  openLink(number: string, link: string): Promise<ChatMessage>;
  /** Scans a QR (`2@…` or the whole link); resolves when the companion has signed, before it logs in. */
  scan(number: string, qr: string): Promise<LinkedDeviceInfo>;
  /** Types a pairing code that a companion shows; rejects with `wrong_pairing_code` when the keys do not meet. */
  enterPairingCode(number: string, code: string): Promise<LinkedDeviceInfo>;
  /** Unlinks a companion from the phone: it is disconnected with 401. */
  unlink(number: string, deviceId: number): void;
  /** Unpaired clients that show a QR. */
  waiting(): number;

  /** Creates a group on the phone. */
  createGroup(number: string, input: CreateGroup): GroupInfo;
  groups(): GroupInfo[];
  /** Takes the jid or the part before `@g.us`. */
  group(id: string): GroupInfo;
  /** Changes a group on the phone; refused as on a real one when the phone may not. */
  updateGroup(number: string, id: string, patch: GroupPatch): GroupInfo;
  /** Adds, removes, promotes or demotes others on the phone of an admin. */
  changeParticipants(
    number: string,
    id: string,
    change: { action: ParticipantAction; numbers: string[] },
  ): ParticipantResult[];
  leaveGroup(number: string, id: string): void;
  /** Starts a fault; those that act on open sockets act at once and are not kept. */
  setFault(fault: Fault): FaultRecord;
  faults(): FaultRecord[];
  /** Ends one fault, or all of them. */
  clearFaults(id?: string): void;

  stats(): StatsSnapshot;
  /** Calls the function for every new message on any phone; returns a function that stops this. */
  onMessage(listener: (event: MessageEvent) => void): () => void;
  onEvent(listener: (event: SimulatorEvent) => void): () => void;
  /** The first message, present or future, on the phone that matches, as it is or as it becomes; rejects after the timeout (5000 ms). */
  waitForMessage(number: string, matches: (message: ChatMessage) => boolean, timeoutMs?: number): Promise<ChatMessage>;

  /** Writes the state file now. */
  flush(): Promise<void>;
  /** Closes sockets, timers and the port, and writes the state. */
  close(): Promise<void>;
}
