import type { SessionReason } from "@sandi/contracts";

/**
 * Why a socket closed. The numbers are WhatsApp's (and Baileys') codes; kinds without one are found out by ourselves.
 */
export type CloseKind = keyof typeof closePolicies;

interface ClosePolicy {
  codes: readonly number[];
  /**
   * What follows. `reconnect`: at once. `backOff`: with growing, random delays. `repair`: once with freshly read keys,
   * then end. `refreshVersion`: once with a newer client version, then end. `end`: wait for a human. `stop`: wait for
   * somebody to ask for new QR codes.
   */
  follow: "reconnect" | "backOff" | "repair" | "refreshVersion" | "end" | "stop";
  reason: SessionReason;
  /** The account is logged out: its credentials are worthless. Only then are they forgotten. */
  forgets?: true;
  /** An operator should look at it. */
  alerts?: true;
}

export const closePolicies = {
  /** Normal right after pairing. */
  restart_required: { codes: [515], follow: "reconnect", reason: "restart_required" },
  /** The stream ended, TCP dropped, or the connection could not be opened. */
  connection_lost: { codes: [428], follow: "backOff", reason: "connection_lost" },
  /** It is open, and answers nothing. */
  not_answering: { codes: [], follow: "backOff", reason: "not_answering" },
  /** No pong, or no answer while connecting. */
  timed_out: { codes: [408], follow: "backOff", reason: "connection_timed_out" },
  server_unavailable: { codes: [503], follow: "backOff", reason: "server_unavailable" },
  /** An error of the server, or keys that it cannot agree with: after three in a row it is called `bad_session`. */
  server_error: { codes: [500], follow: "backOff", reason: "server_unavailable" },
  /** Somebody else holds the same credentials. Reconnecting would throw that one out, and so on for ever. */
  replaced: { codes: [440], follow: "end", reason: "replaced", alerts: true },
  /** Logged out from the phone. */
  logged_out: { codes: [401], follow: "end", reason: "logged_out", forgets: true },
  /** Banned (403), for a time (402), or unknown to the server (406): the credentials may become good again. */
  banned: { codes: [403, 402, 406], follow: "end", reason: "banned", alerts: true },
  /** The client version (405) or user agent (409) is refused. */
  version_refused: { codes: [405, 409], follow: "refreshVersion", reason: "version_refused" },
  bad_session: { codes: [411], follow: "repair", reason: "bad_session", alerts: true },
  /** A certificate, account or pre-key signature did not hold. */
  untrusted_server: { codes: [], follow: "backOff", reason: "untrusted_server", alerts: true },
  /** The session's own proxy refused, or led nowhere; it is never gone around. */
  proxy_unreachable: { codes: [], follow: "backOff", reason: "proxy_unreachable", alerts: true },
  /** The QR codes of an unlinked socket are used up. */
  pairing_timed_out: { codes: [], follow: "stop", reason: "pairing_timed_out" },
  /** The account wants the link confirmed with a passkey. */
  passkey_required: { codes: [], follow: "end", reason: "passkey_required" },
} as const satisfies Record<string, ClosePolicy>;

const kinds = Object.keys(closePolicies) as CloseKind[];
const kindOfCode = new Map(
  kinds.flatMap((kind) => closePolicies[kind].codes.map((code): [number, CloseKind] => [code, kind])),
);

/** The kind of a close code; unknown ones count as a lost connection. */
export function closeKind(code: number | undefined): CloseKind {
  return kindOfCode.get(code ?? 0) ?? "connection_lost";
}

export function policyOf(kind: CloseKind): ClosePolicy {
  return closePolicies[kind];
}
