import type { DesiredState, SessionState } from "@sandi/contracts";
import { describe, expect, test } from "vitest";
import { type CloseKind, closePolicies } from "../src/close-reasons.ts";
import type { Effect, Machine, MachineEvent } from "../src/session/machine.ts";
import { step } from "../src/session/step.ts";

// Every event in every state. `tsc` refuses a missing or a needless cell, and the last test counts them.

type EventName =
  | Exclude<MachineEvent["type"], "closed" | "desiredStateChanged" | "versionRefreshed">
  | `closed ${CloseKind}`
  | `desiredStateChanged ${DesiredState}`
  | "versionRefreshed newer"
  | "versionRefreshed same";
/** A state, before its first link, or while it connects only to unlink itself. */
type Place = SessionState | "linking" | "leaving";

const phone = "+6281200000001";
const connecting: Machine = {
  state: "connecting",
  reason: "requested",
  phone,
  account: phone,
  desired: "running",
  revision: 1,
  isLinked: true,
  socket: 1,
  lastSocket: 1,
  attempts: 0,
  strikes: 0,
  isVersionFresh: false,
  restarts: 0,
};
const unlinked = { isLinked: false, phone: null, account: null };
const places: Record<Place, Machine> = {
  connecting,
  linking: { ...connecting, ...unlinked },
  pairing: { ...connecting, ...unlinked, state: "pairing", reason: null },
  online: { ...connecting, state: "online", reason: null },
  waiting: { ...connecting, state: "waiting", reason: "connection_lost", socket: null, attempts: 1 },
  stopped: { ...connecting, state: "stopped", reason: "requested", socket: null, desired: "stopped" },
  ended: { ...connecting, state: "ended", reason: "banned", socket: null },
  leaving: { ...connecting, desired: "logged_out" },
};

// oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, as tsc knows
function eventOf(name: EventName): MachineEvent {
  const [type, detail] = name.split(" ") as [MachineEvent["type"], string];
  switch (type) {
    case "closed":
      return { type, socket: 1, kind: detail as CloseKind };
    case "desiredStateChanged":
      return { type, desired: detail as DesiredState, revision: 2 };
    case "settingsChanged":
      return { type, revision: 2 };
    case "versionRefreshed":
      return { type, isNewer: detail === "newer" };
    case "linked":
    case "opened":
      return { type, socket: 1, phone };
    case "qr":
    case "settled":
    case "passkeyRequested":
      return { type, socket: 1 };
    case "adopted":
    case "retryDue":
      return { type };
  }
}

/** Where it leads and what is done, such as `waiting/connection_lost: retry report`; `=` when nothing is. */
function outcome(name: EventName, place: Place): string {
  const before = places[place];
  const { machine, effects } = step(before, eventOf(name));
  const { state, reason } = machine;
  if (state === before.state && reason === before.reason && effects.length === 0) return "=";
  const done = effects.map((effect: Effect) =>
    effect.type === "report" && effect.forget ? `forget-${effect.forget}` : effect.type,
  );
  return `${reason ? `${state}/${reason}` : state}: ${done.join(" ")}`;
}

const table: Record<EventName, Record<Place, string>> = {
  adopted: {
    connecting: "connecting/requested: open",
    linking: "connecting/requested: open",
    pairing: "connecting: report open",
    online: "connecting: report open",
    waiting: "connecting/connection_lost: report open",
    stopped: "=",
    ended: "=",
    leaving: "=",
  },
  "desiredStateChanged running": {
    connecting: "connecting/requested: cancelRetry close report open",
    linking: "connecting/requested: cancelRetry close report open",
    pairing: "connecting/requested: cancelRetry close report open",
    online: "connecting/requested: cancelRetry close report open",
    waiting: "connecting/requested: cancelRetry report open",
    stopped: "connecting/requested: cancelRetry report open",
    ended: "connecting/requested: cancelRetry report open",
    leaving: "connecting/requested: cancelRetry close report open",
  },
  "desiredStateChanged stopped": {
    connecting: "stopped/requested: cancelRetry close report",
    linking: "stopped/requested: cancelRetry close report",
    pairing: "stopped/requested: cancelRetry close report",
    online: "stopped/requested: cancelRetry close report",
    waiting: "stopped/requested: cancelRetry report",
    stopped: "stopped/requested: cancelRetry report",
    ended: "stopped/requested: cancelRetry report",
    leaving: "stopped/requested: cancelRetry close report",
  },
  "desiredStateChanged logged_out": {
    connecting: "=",
    linking: "ended/logged_out: cancelRetry close forget-login",
    pairing: "ended/logged_out: cancelRetry close forget-login",
    online: "ended/logged_out: logOut forget-login",
    waiting: "connecting/requested: cancelRetry report open",
    stopped: "connecting/requested: cancelRetry report open",
    ended: "ended/logged_out: cancelRetry forget-login",
    leaving: "=",
  },
  "desiredStateChanged deleted": {
    connecting: "=",
    linking: "ended/requested: cancelRetry close remove",
    pairing: "ended/requested: cancelRetry close remove",
    online: "ended/requested: logOut remove",
    waiting: "connecting/requested: cancelRetry report open",
    stopped: "connecting/requested: cancelRetry report open",
    ended: "ended/requested: cancelRetry remove",
    leaving: "=",
  },
  settingsChanged: {
    connecting: "connecting/requested: report",
    linking: "connecting/requested: report",
    pairing: "pairing: report",
    online: "online: report",
    waiting: "waiting/connection_lost: report",
    stopped: "stopped/requested: report",
    ended: "ended/banned: report",
    leaving: "connecting/requested: report",
  },
  qr: {
    connecting: "waiting/unexpected_answer: close retry report",
    linking: "pairing: report",
    pairing: "=",
    online: "waiting/unexpected_answer: close retry report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: close retry report",
  },
  linked: {
    connecting: "waiting/unexpected_answer: close retry report",
    linking: "connecting: forget-past",
    pairing: "connecting: forget-past",
    online: "waiting/unexpected_answer: close retry report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: close retry report",
  },
  opened: {
    connecting: "online: report settle",
    linking: "waiting/unexpected_answer: close retry report",
    pairing: "waiting/unexpected_answer: close retry report",
    online: "=",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "ended/logged_out: logOut forget-login",
  },
  "closed restart_required": {
    connecting: "connecting/restart_required: report open",
    linking: "connecting/restart_required: report open",
    pairing: "connecting/restart_required: report open",
    online: "connecting/restart_required: report open",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed connection_lost": {
    connecting: "waiting/connection_lost: retry report",
    linking: "waiting/connection_lost: retry report",
    pairing: "waiting/connection_lost: retry report",
    online: "waiting/connection_lost: retry report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed not_answering": {
    connecting: "waiting/not_answering: retry report",
    linking: "waiting/not_answering: retry report",
    pairing: "waiting/not_answering: retry report",
    online: "waiting/not_answering: retry report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed timed_out": {
    connecting: "waiting/connection_timed_out: retry report",
    linking: "waiting/connection_timed_out: retry report",
    pairing: "stopped/pairing_timed_out: report",
    online: "waiting/connection_timed_out: retry report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed server_unavailable": {
    connecting: "waiting/server_unavailable: retry report",
    linking: "waiting/server_unavailable: retry report",
    pairing: "waiting/server_unavailable: retry report",
    online: "waiting/server_unavailable: retry report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed unexpected_answer": {
    connecting: "waiting/unexpected_answer: retry report",
    linking: "waiting/unexpected_answer: retry report",
    pairing: "waiting/unexpected_answer: retry report",
    online: "waiting/unexpected_answer: retry report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed login_refused": {
    connecting: "waiting/login_refused: retry report alert",
    linking: "waiting/login_refused: retry report alert",
    pairing: "waiting/login_refused: retry report alert",
    online: "waiting/login_refused: retry report alert",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed server_error": {
    connecting: "waiting/server_unavailable: retry report",
    linking: "waiting/server_unavailable: retry report",
    pairing: "waiting/server_unavailable: retry report",
    online: "waiting/server_unavailable: retry report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed replaced": {
    connecting: "ended/replaced: report alert",
    linking: "ended/replaced: report alert",
    pairing: "ended/replaced: report alert",
    online: "ended/replaced: report alert",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed logged_out": {
    connecting: "ended/logged_out: forget-login",
    linking: "ended/logged_out: forget-login",
    pairing: "ended/logged_out: forget-login",
    online: "ended/logged_out: forget-login",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "ended/logged_out: forget-login",
  },
  "closed banned": {
    connecting: "ended/banned: report alert",
    linking: "ended/banned: report alert",
    pairing: "ended/banned: report alert",
    online: "ended/banned: report alert",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed banned_for_a_time": {
    connecting: "ended/banned_for_a_time: report alert",
    linking: "ended/banned_for_a_time: report alert",
    pairing: "ended/banned_for_a_time: report alert",
    online: "ended/banned_for_a_time: report alert",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed account_not_found": {
    connecting: "ended/account_not_found: report alert",
    linking: "ended/account_not_found: report alert",
    pairing: "ended/account_not_found: report alert",
    online: "ended/account_not_found: report alert",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed version_refused": {
    connecting: "waiting/version_refused: report refreshVersion",
    linking: "waiting/version_refused: report refreshVersion",
    pairing: "waiting/version_refused: report refreshVersion",
    online: "waiting/version_refused: report refreshVersion",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed bad_session": {
    connecting: "waiting/bad_session: dropCaches retry report alert",
    linking: "waiting/bad_session: dropCaches retry report alert",
    pairing: "waiting/bad_session: dropCaches retry report alert",
    online: "waiting/bad_session: dropCaches retry report alert",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed untrusted_server": {
    connecting: "waiting/untrusted_server: retry report alert",
    linking: "ended/untrusted_server: report alert",
    pairing: "ended/untrusted_server: report alert",
    online: "waiting/untrusted_server: retry report alert",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed proxy_unreachable": {
    connecting: "waiting/proxy_unreachable: retry report alert",
    linking: "waiting/proxy_unreachable: retry report alert",
    pairing: "waiting/proxy_unreachable: retry report alert",
    online: "waiting/proxy_unreachable: retry report alert",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed pairing_timed_out": {
    connecting: "stopped/pairing_timed_out: report",
    linking: "stopped/pairing_timed_out: report",
    pairing: "stopped/pairing_timed_out: report",
    online: "stopped/pairing_timed_out: report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  "closed passkey_required": {
    connecting: "ended/passkey_required: report",
    linking: "ended/passkey_required: report",
    pairing: "ended/passkey_required: report",
    online: "ended/passkey_required: report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: retry report",
  },
  passkeyRequested: {
    connecting: "ended/passkey_required: close report",
    linking: "ended/passkey_required: close report",
    pairing: "ended/passkey_required: close report",
    online: "ended/passkey_required: close report",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "waiting/requested: close retry report",
  },
  retryDue: {
    connecting: "=",
    linking: "=",
    pairing: "=",
    online: "=",
    waiting: "connecting/connection_lost: report open",
    stopped: "=",
    ended: "=",
    leaving: "=",
  },
  settled: {
    connecting: "=",
    linking: "=",
    pairing: "=",
    online: "=",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "=",
  },
  "versionRefreshed newer": {
    connecting: "=",
    linking: "=",
    pairing: "=",
    online: "=",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "=",
  },
  "versionRefreshed same": {
    connecting: "=",
    linking: "=",
    pairing: "=",
    online: "=",
    waiting: "=",
    stopped: "=",
    ended: "=",
    leaving: "=",
  },
};

const names = Object.keys(table) as EventName[];

describe.each(names)("%s", (name) => {
  test.each(Object.keys(places) as Place[])("when %s", (place) => {
    expect(outcome(name, place)).toBe(table[name][place]);
  });
});

test("no event and no kind of close is left out", () => {
  const closes = names.filter((name) => name.startsWith("closed "));
  expect(closes).toEqual(Object.keys(closePolicies).map((kind) => `closed ${kind}`));
  const cells = names.flatMap((name) => Object.keys(table[name]));
  expect(cells).toHaveLength((closes.length + 14) * Object.keys(places).length);
});
