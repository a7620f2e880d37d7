import type { DesiredState, SessionReason, SessionState } from "@sandi/contracts";
import type { CloseKind } from "../close-reasons.ts";

/** The state of a session. Each socket has a number; events of any socket but `socket` are ignored. */
export interface Machine {
  state: SessionState;
  reason: SessionReason | null;
  /** E.164. */
  phone: string | null;
  /** The account that is linked, or was linked last (E.164). The session's chats and limits belong to it. */
  account: string | null;
  desired: DesiredState;
  /** The newest revision of the desired state that was applied. */
  revision: number;
  /** WhatsApp knows this device's credentials. */
  isLinked: boolean;
  /** The socket that is being opened or is open. */
  socket: number | null;
  lastSocket: number;
  /** Connections lost since the session was last online for a while. */
  attempts: number;
  /** Closes in a row that can mean broken keys. */
  strikes: number;
  isVersionFresh: boolean;
  /** Restarts that the server asked for since the session was last online for a while. */
  restarts: number;
}

export type MachineEvent =
  /** The lease is acquired and the row is read. */
  | { type: "adopted" }
  /** The edge sent a desired state; an old revision changes nothing. */
  | { type: "desiredStateChanged"; desired: DesiredState; revision: number }
  /** The edge sent a revision that changes nothing but the settings. */
  | { type: "settingsChanged"; revision: number }
  /** The socket shows a QR code. */
  | { type: "qr"; socket: number }
  /** The phone has accepted the link; the login follows on a new socket. */
  | { type: "linked"; socket: number; phone: string }
  /** Logged in. */
  | { type: "opened"; socket: number; phone: string }
  | { type: "closed"; socket: number; kind: CloseKind }
  /** The account asks for a passkey, or linking has stalled, which is how that looks. */
  | { type: "passkeyRequested"; socket: number }
  /** It is time to reconnect. */
  | { type: "retryDue" }
  /** The session has been online for a while. */
  | { type: "settled"; socket: number }
  /** The search for a newer client version is over. */
  | { type: "versionRefreshed"; isNewer: boolean };

export type Effect =
  | { type: "open"; socket: number }
  | { type: "close"; socket: number }
  /** Unlink this device at WhatsApp, then close. */
  | { type: "logOut"; socket: number }
  /** Post `retryDue` after a random time up to the cap. It comes before the report, which holds that time. */
  | { type: "retry"; capMs: number }
  | { type: "cancelRetry" }
  /** Post `settled` after a while. */
  | { type: "settle"; socket: number }
  /** Store the state, append its event and delete what `forget` names, in one transaction. */
  | { type: "report"; forget: Forgotten }
  /** Read keys from the store again before the next login. */
  | { type: "dropCaches" }
  | { type: "refreshVersion" }
  | { type: "alert"; reason: SessionReason }
  /** Delete the rows, leave a tombstone, release the lease and append the event, in one transaction. */
  | { type: "remove" };

/** `login`: the credentials, which are worthless after a logout. `past`: the data of the account that was linked before. */
export type Forgotten = "login" | "past" | false;

export interface Step {
  machine: Machine;
  effects: Effect[];
}
