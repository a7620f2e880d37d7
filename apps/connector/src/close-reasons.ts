import type { SessionReason } from "@sandi/contracts";

/** Why a socket closed. The numbers are codes of WhatsApp and Baileys. Kinds without a code are detected by Sandi. */
export type CloseKind = keyof typeof closePolicies;

interface ClosePolicy {
  codes: readonly number[];
  /**
   * What follows. `reconnect`: at once, from the third time in a row as `backOff`. `backOff`: after growing, random delays.
   * `repair`: once with keys that are read again, then end. `refreshVersion`: once with a newer client version, then end.
   * `end`: wait for a human. `stop`: wait for a request for new QR codes.
   */
  follow: "reconnect" | "backOff" | "repair" | "refreshVersion" | "end" | "stop";
  reason: SessionReason;
  /** The account is logged out and its credentials are worthless. Only then are they deleted. */
  forgets?: true;
  /** An operator should look at it. */
  alerts?: true;
}

export const closePolicies = {
  /** Normal right after pairing. */
  restart_required: { codes: [515], follow: "reconnect", reason: "restart_required" },
  /** The stream ended, TCP dropped, or the connection could not be opened. */
  connection_lost: { codes: [428], follow: "backOff", reason: "connection_lost" },
  /** The connection is open, but nothing is answered. */
  not_answering: { codes: [], follow: "backOff", reason: "not_answering" },
  /** No pong, or no answer while connecting. */
  timed_out: { codes: [408], follow: "backOff", reason: "connection_timed_out" },
  server_unavailable: { codes: [503], follow: "backOff", reason: "server_unavailable" },
  /** The server sent something that does not fit the state, such as a login's success to a device that is not linked. */
  unexpected_answer: { codes: [], follow: "backOff", reason: "unexpected_answer" },
  /**
   * The login is refused: in general (400), for an authentication token that this client does not use (413, 414), by an
   * experiment of the server (501), or with a code that is not listed here. The credentials may still be good.
   */
  login_refused: { codes: [400, 413, 414, 501], follow: "backOff", reason: "login_refused", alerts: true },
  /** An error of the server, or keys that it cannot agree with: after three in a row it is called `bad_session`. */
  server_error: { codes: [500], follow: "backOff", reason: "server_unavailable" },
  /** Another client uses the same credentials. Each reconnect would disconnect the other client again. */
  replaced: { codes: [440], follow: "end", reason: "replaced", alerts: true },
  /** Logged out from the phone. */
  logged_out: { codes: [401], follow: "end", reason: "logged_out", forgets: true },
  /** Locked (403) or banned (406): the credentials may become good again. */
  banned: { codes: [403, 406], follow: "end", reason: "banned", alerts: true },
  /** Banned until a time that the phone shows. A login before that time could extend the ban. */
  banned_for_a_time: { codes: [402], follow: "end", reason: "banned_for_a_time", alerts: true },
  /** The server does not find the account or this device. */
  account_not_found: { codes: [415], follow: "end", reason: "account_not_found", alerts: true },
  /** The client version (405), user agent (409) or kind of client (418) is refused. */
  version_refused: { codes: [405, 409, 418], follow: "refreshVersion", reason: "version_refused" },
  bad_session: { codes: [411], follow: "repair", reason: "bad_session", alerts: true },
  /** A certificate, account or pre-key signature did not hold. */
  untrusted_server: { codes: [], follow: "backOff", reason: "untrusted_server", alerts: true },
  /** The session's proxy refused or does not answer. A session never connects without its proxy. */
  proxy_unreachable: { codes: [], follow: "backOff", reason: "proxy_unreachable", alerts: true },
  /** The QR codes of an unlinked socket are used up. */
  pairing_timed_out: { codes: [], follow: "stop", reason: "pairing_timed_out" },
  /** The account requires a passkey to confirm the link. */
  passkey_required: { codes: [], follow: "end", reason: "passkey_required" },
} as const satisfies Record<string, ClosePolicy>;

const kinds = Object.keys(closePolicies) as CloseKind[];
const kindOfCode = new Map(
  kinds.flatMap((kind) => closePolicies[kind].codes.map((code): [number, CloseKind] => [code, kind])),
);

/** The kind of a close code. No code: the connection was lost. A code that is not listed: the login was refused. */
export function closeKind(code: number | undefined): CloseKind {
  return code === undefined ? "connection_lost" : (kindOfCode.get(code) ?? "login_refused");
}

export function policyOf(kind: CloseKind): ClosePolicy {
  return closePolicies[kind];
}
