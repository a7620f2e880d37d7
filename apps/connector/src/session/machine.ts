import type { DesiredState, SessionReason, SessionState } from "@sandi/contracts";
import type { CloseKind } from "../close-reasons.ts";

/** A session as the machine knows it. Sockets are told apart by number; `socket` is the only one that counts. */
export interface Machine {
  state: SessionState;
  reason: SessionReason | null;
  /** E.164. */
  phone: string | null;
  /** The account that is linked, or was linked last (E.164). The session's chats and limits belong to it. */
  account: string | null;
  desired: DesiredState;
  /** The newest wish that was acted on. */
  revision: number;
  /** There are credentials that WhatsApp knows. */
  isLinked: boolean;
  /** The socket that is being opened or is open. */
  socket: number | null;
  lastSocket: number;
  /** Connections lost since the session was last online for a while. */
  attempts: number;
  /** Closes in a row that may mean broken keys. */
  strikes: number;
  isVersionFresh: boolean;
  /** How often the server has asked for a new connection since the session was last online for a while. */
  restarts: number;
}

export type MachineEvent =
  /** The lease is ours and the row is read. */
  | { type: "adopted" }
  /** The operator wants something; an old revision changes nothing. */
  | { type: "wished"; desired: DesiredState; revision: number }
  /** The socket shows a QR code. */
  | { type: "qr"; socket: number }
  /** The phone has accepted the link; the login follows on a new socket. */
  | { type: "linked"; socket: number; phone: string }
  /** Logged in. */
  | { type: "opened"; socket: number; phone: string }
  | { type: "closed"; socket: number; kind: CloseKind }
  /** The account asks for a passkey, or linking has stalled as it does then. */
  | { type: "passkeyAsked"; socket: number }
  /** The time of the reconnect has come. */
  | { type: "retryDue" }
  /** It has been online for a while. */
  | { type: "settled"; socket: number }
  /** The question for a newer client version was answered. */
  | { type: "versionRefreshed"; isNewer: boolean };

export type Effect =
  | { type: "open"; socket: number }
  | { type: "close"; socket: number }
  /** Tell WhatsApp that this linked device goes, then close. */
  | { type: "logOut"; socket: number }
  /** Post `retryDue` after a random time up to the cap; before the report, which tells when. */
  | { type: "retry"; capMs: number }
  | { type: "cancelRetry" }
  /** Post `settled` after a while, if the socket is still the one. */
  | { type: "settle"; socket: number }
  /** Store the state and append its event, and forget what no longer holds, in one transaction. */
  | { type: "report"; forget: Forgotten }
  /** Read keys afresh before the next login. */
  | { type: "dropCaches" }
  | { type: "refreshVersion" }
  | { type: "alert"; reason: SessionReason }
  /** Delete the rows, leave a tombstone, give up the lease and append the event, in one transaction. */
  | { type: "remove" };

/**
 * `login`: the credentials, which are worthless after a logout. `past`: what belongs to the account before, because another
 * one is linked now.
 */
export type Forgotten = "login" | "past" | false;

export interface Step {
  machine: Machine;
  effects: Effect[];
}
