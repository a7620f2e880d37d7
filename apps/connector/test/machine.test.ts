import { describe, expect, test } from "vitest";
import { type CloseKind, closeKind, closePolicies } from "../src/close-reasons.ts";
import type { Effect, Machine, MachineEvent } from "../src/session/machine.ts";
import { step } from "../src/session/step.ts";

const fresh: Machine = {
  state: "stopped",
  reason: "created",
  phone: null,
  account: null,
  desired: "running",
  revision: 0,
  isLinked: false,
  socket: null,
  lastSocket: 0,
  attempts: 0,
  strikes: 0,
  isVersionFresh: false,
  restarts: 0,
};
const phone = "+6281200000001";
const connecting: Machine = {
  ...fresh,
  state: "connecting",
  reason: "requested",
  revision: 1,
  socket: 1,
  lastSocket: 1,
};
const pairing: Machine = { ...connecting, state: "pairing", reason: null };
const linked: Machine = { ...connecting, isLinked: true, phone, account: phone };
const online: Machine = { ...linked, state: "online", reason: null };
const waiting: Machine = { ...linked, state: "waiting", reason: "connection_lost", socket: null, attempts: 1 };
const stopped: Machine = { ...linked, state: "stopped", reason: "requested", socket: null, desired: "stopped" };
const banned: Machine = { ...linked, state: "ended", reason: "banned", socket: null };

const names = (effects: Effect[]) => effects.map(({ type }) => type);
const report: Effect = { type: "report", forget: false };
const where = ({ state, reason }: Machine) => (reason ? `${state}/${reason}` : state);

interface Row {
  from: Machine;
  on: MachineEvent;
  to: string;
  effects: Effect[];
  also?: Partial<Machine>;
}

const close = (kind: CloseKind, socket = 1): MachineEvent => ({ type: "closed", socket, kind });
const setDesired = (desired: Machine["desired"], revision = 2): MachineEvent => ({
  type: "desiredStateChanged",
  desired,
  revision,
});

const table: Record<string, Row> = {
  // Desired states.
  "a first desired state running opens a socket": {
    from: fresh,
    on: setDesired("running", 1),
    to: "connecting/requested",
    effects: [{ type: "cancelRetry" }, report, { type: "open", socket: 1 }],
    also: { revision: 1, socket: 1 },
  },
  "a desired state that is not newer changes nothing": {
    from: online,
    on: setDesired("stopped", 1),
    to: "online",
    effects: [],
  },
  "a newer desired state running restarts a session that runs": {
    from: online,
    on: setDesired("running"),
    to: "connecting/requested",
    effects: [{ type: "cancelRetry" }, { type: "close", socket: 1 }, report, { type: "open", socket: 2 }],
    also: { socket: 2, revision: 2 },
  },
  "desired running reconnects a session that waits": {
    from: waiting,
    on: setDesired("running"),
    to: "connecting/requested",
    effects: [{ type: "cancelRetry" }, report, { type: "open", socket: 2 }],
    also: { attempts: 0 },
  },
  "desired running tries a banned session again": {
    from: banned,
    on: setDesired("running"),
    to: "connecting/requested",
    effects: [{ type: "cancelRetry" }, report, { type: "open", socket: 2 }],
  },
  "desired stopped closes the socket": {
    from: online,
    on: setDesired("stopped"),
    to: "stopped/requested",
    effects: [{ type: "cancelRetry" }, { type: "close", socket: 1 }, report],
    also: { socket: null },
  },
  "desired stopped cancels the reconnect": {
    from: waiting,
    on: setDesired("stopped"),
    to: "stopped/requested",
    effects: [{ type: "cancelRetry" }, report],
  },
  "desired stopped is acknowledged by a session that is stopped": {
    from: stopped,
    on: setDesired("stopped"),
    to: "stopped/requested",
    effects: [{ type: "cancelRetry" }, report],
    also: { revision: 2 },
  },
  "logging out an online session unlinks it at WhatsApp": {
    from: online,
    on: setDesired("logged_out"),
    to: "ended/logged_out",
    effects: [
      { type: "logOut", socket: 1 },
      { type: "report", forget: "login" },
    ],
    also: { isLinked: false, phone: null, socket: null },
  },
  "logging out a waiting session connects to unlink it": {
    from: waiting,
    on: setDesired("logged_out"),
    to: "connecting/requested",
    effects: [{ type: "cancelRetry" }, report, { type: "open", socket: 2 }],
  },
  "logging out while connecting waits for the login": {
    from: linked,
    on: setDesired("logged_out"),
    to: "connecting/requested",
    effects: [],
    also: { desired: "logged_out" },
  },
  "logging out while pairing only closes": {
    from: pairing,
    on: setDesired("logged_out"),
    to: "ended/logged_out",
    effects: [{ type: "cancelRetry" }, { type: "close", socket: 1 }, { type: "report", forget: "login" }],
  },
  "logging out a banned session forgets its credentials": {
    from: banned,
    on: setDesired("logged_out"),
    to: "ended/logged_out",
    effects: [{ type: "cancelRetry" }, { type: "report", forget: "login" }],
  },
  "deleting an online session unlinks it, then removes it": {
    from: online,
    on: setDesired("deleted"),
    to: "ended/requested",
    effects: [{ type: "logOut", socket: 1 }, { type: "remove" }],
  },
  "deleting what was never linked removes it at once": {
    from: { ...fresh, revision: 1 },
    on: setDesired("deleted"),
    to: "ended/requested",
    effects: [{ type: "cancelRetry" }, { type: "remove" }],
  },
  "a login that was opened to unlink the session logs out": {
    from: { ...linked, desired: "logged_out" },
    on: { type: "opened", socket: 1, phone },
    to: "ended/logged_out",
    effects: [
      { type: "logOut", socket: 1 },
      { type: "report", forget: "login" },
    ],
  },
  "an unlink that fails is tried again": {
    from: { ...linked, desired: "deleted" },
    on: close("connection_lost"),
    to: "waiting/requested",
    effects: [{ type: "retry", capMs: 1000 }, report],
  },
  "an unlink that keeps failing is given up": {
    from: { ...linked, desired: "deleted", attempts: 2 },
    on: close("connection_lost"),
    to: "ended/requested",
    effects: [{ type: "remove" }],
  },
  "an unlink of an account that is logged out already is done": {
    from: { ...linked, desired: "logged_out" },
    on: close("logged_out"),
    to: "ended/logged_out",
    effects: [{ type: "report", forget: "login" }],
  },

  // Taking up a session.
  "an adopted session that was online connects": {
    from: { ...online, socket: null },
    on: { type: "adopted" },
    to: "connecting",
    effects: [report, { type: "open", socket: 2 }],
  },
  "an adopted session that waited connects": {
    from: waiting,
    on: { type: "adopted" },
    to: "connecting/connection_lost",
    effects: [report, { type: "open", socket: 2 }],
  },
  "an adopted session that is to be stopped is stopped": {
    from: { ...online, desired: "stopped", socket: null },
    on: { type: "adopted" },
    to: "stopped/requested",
    effects: [report],
  },
  "an adopted session that was moved away stays so, wanted or not": {
    from: { ...fresh, desired: "stopped", state: "ended", reason: "exported" },
    on: { type: "adopted" },
    to: "ended/exported",
    effects: [],
  },
  "an adopted session that has ended stays so": {
    from: banned,
    on: { type: "adopted" },
    to: "ended/banned",
    effects: [],
  },
  "an adopted session whose QR codes were used up waits for a human": {
    from: { ...fresh, state: "stopped", reason: "pairing_timed_out" },
    on: { type: "adopted" },
    to: "stopped/pairing_timed_out",
    effects: [],
  },
  "an adopted session that was being logged out goes on with it": {
    from: { ...waiting, desired: "logged_out" },
    on: { type: "adopted" },
    to: "connecting/requested",
    effects: [{ type: "cancelRetry" }, report, { type: "open", socket: 2 }],
  },

  // Events of the socket.
  "the first QR code starts pairing": {
    from: connecting,
    on: { type: "qr", socket: 1 },
    to: "pairing",
    effects: [report],
  },
  "the next QR code is no news": { from: pairing, on: { type: "qr", socket: 1 }, to: "pairing", effects: [] },
  "a QR code of another socket is no news": {
    from: connecting,
    on: { type: "qr", socket: 9 },
    to: "connecting/requested",
    effects: [],
  },
  "a scan links the account": {
    from: pairing,
    on: { type: "linked", socket: 1, phone },
    to: "connecting",
    effects: [{ type: "report", forget: "past" }],
    also: { isLinked: true, phone, account: phone },
  },
  "the same account links again and keeps its past": {
    from: { ...pairing, account: phone },
    on: { type: "linked", socket: 1, phone },
    to: "connecting",
    effects: [report],
    also: { isLinked: true, phone, account: phone },
  },
  "the same account links again under another spelling of its number and keeps its past": {
    from: { ...pairing, account: "+5215512345678" },
    on: { type: "linked", socket: 1, phone: "+525512345678" },
    to: "connecting",
    effects: [report],
    also: { phone: "+525512345678", account: "+525512345678" },
  },
  "another account starts without the past of the one before": {
    from: { ...pairing, account: "+6281200000009" },
    on: { type: "linked", socket: 1, phone },
    to: "connecting",
    effects: [{ type: "report", forget: "past" }],
    also: { account: phone },
  },
  "a login brings it online": {
    from: linked,
    on: { type: "opened", socket: 1, phone },
    to: "online",
    effects: [report, { type: "settle", socket: 1 }],
  },
  "a login of another socket is no news": {
    from: linked,
    on: { type: "opened", socket: 9, phone },
    to: "connecting/requested",
    effects: [],
  },
  "a login without a link is refused": {
    from: pairing,
    on: { type: "opened", socket: 1, phone },
    to: "waiting/unexpected_answer",
    effects: [{ type: "close", socket: 1 }, { type: "retry", capMs: 1000 }, report],
    also: { isLinked: false, phone: null, account: null, socket: null },
  },
  "a second link is refused": {
    from: online,
    on: { type: "linked", socket: 1, phone: "+6281200000009" },
    to: "waiting/unexpected_answer",
    effects: [{ type: "close", socket: 1 }, { type: "retry", capMs: 1000 }, report],
    also: { isLinked: true, phone, account: phone },
  },
  "a QR code of a linked session is refused": {
    from: linked,
    on: { type: "qr", socket: 1 },
    to: "waiting/unexpected_answer",
    effects: [{ type: "close", socket: 1 }, { type: "retry", capMs: 1000 }, report],
    also: { isLinked: true },
  },
  "a second login is no news": { from: online, on: { type: "opened", socket: 1, phone }, to: "online", effects: [] },
  "a while online forgives what was before": {
    from: { ...online, attempts: 4, strikes: 2, isVersionFresh: true, restarts: 2 },
    on: { type: "settled", socket: 1 },
    to: "online",
    effects: [report],
    also: { attempts: 0, strikes: 0, isVersionFresh: false, restarts: 0 },
  },
  "a while online with nothing to forgive is no news": {
    from: online,
    on: { type: "settled", socket: 1 },
    to: "online",
    effects: [],
  },
  "the time of the reconnect opens a socket": {
    from: waiting,
    on: { type: "retryDue" },
    to: "connecting/connection_lost",
    effects: [report, { type: "open", socket: 2 }],
  },
  "the time of a reconnect that nobody wants any more changes nothing": {
    from: stopped,
    on: { type: "retryDue" },
    to: "stopped/requested",
    effects: [],
  },
  "a passkey ends pairing by name": {
    from: pairing,
    on: { type: "passkeyRequested", socket: 1 },
    to: "ended/passkey_required",
    effects: [{ type: "close", socket: 1 }, report],
    also: { socket: null },
  },
  "a newer client version is tried at once": {
    from: { ...waiting, reason: "version_refused", isVersionFresh: true },
    on: { type: "versionRefreshed", isNewer: true },
    to: "connecting/version_refused",
    effects: [report, { type: "open", socket: 2 }],
  },
  "without a newer client version it ends": {
    from: { ...waiting, reason: "version_refused", isVersionFresh: true },
    on: { type: "versionRefreshed", isNewer: false },
    to: "ended/version_refused",
    effects: [report, { type: "alert", reason: "version_refused" }],
  },
  "a version answer that comes too late changes nothing": {
    from: stopped,
    on: { type: "versionRefreshed", isNewer: true },
    to: "stopped/requested",
    effects: [],
  },

  // Why a socket closed.
  "515 reconnects at once": {
    from: linked,
    on: close("restart_required"),
    to: "connecting/restart_required",
    effects: [report, { type: "open", socket: 2 }],
    also: { restarts: 1 },
  },
  "a third 515 in a row backs off": {
    from: { ...linked, restarts: 2 },
    on: close("restart_required"),
    to: "waiting/restart_required",
    effects: [{ type: "retry", capMs: 1000 }, report],
  },
  "428 backs off": {
    from: online,
    on: close("connection_lost"),
    to: "waiting/connection_lost",
    effects: [{ type: "retry", capMs: 1000 }, report],
    also: { attempts: 1, socket: null },
  },
  "each further loss doubles the longest wait": {
    from: { ...online, attempts: 4 },
    on: close("connection_lost"),
    to: "waiting/connection_lost",
    effects: [{ type: "retry", capMs: 16_000 }, report],
  },
  "the longest wait is a minute": {
    from: { ...online, attempts: 20 },
    on: close("connection_lost"),
    to: "waiting/connection_lost",
    effects: [{ type: "retry", capMs: 60_000 }, report],
  },
  "408 of a linked session backs off": {
    from: online,
    on: close("timed_out"),
    to: "waiting/connection_timed_out",
    effects: [{ type: "retry", capMs: 1000 }, report],
  },
  "408 while pairing stops": {
    from: pairing,
    on: close("timed_out"),
    to: "stopped/pairing_timed_out",
    effects: [report],
  },
  "408 before there was a QR code backs off": {
    from: connecting,
    on: close("timed_out"),
    to: "waiting/connection_timed_out",
    effects: [{ type: "retry", capMs: 1000 }, report],
  },
  "used up QR codes stop": {
    from: pairing,
    on: close("pairing_timed_out"),
    to: "stopped/pairing_timed_out",
    effects: [report],
  },
  "428 while pairing backs off": {
    from: pairing,
    on: close("connection_lost"),
    to: "waiting/connection_lost",
    effects: [{ type: "retry", capMs: 1000 }, report],
  },
  "503 backs off": {
    from: online,
    on: close("server_unavailable"),
    to: "waiting/server_unavailable",
    effects: [{ type: "retry", capMs: 1000 }, report],
  },
  "500 backs off": {
    from: online,
    on: close("server_error"),
    to: "waiting/server_unavailable",
    effects: [{ type: "retry", capMs: 1000 }, report],
    also: { strikes: 1 },
  },
  "the third 500 in a row is a bad session": {
    from: { ...online, strikes: 2, attempts: 2 },
    on: close("server_error"),
    to: "waiting/bad_session",
    effects: [{ type: "retry", capMs: 4000 }, report, { type: "alert", reason: "bad_session" }],
  },
  "another close between them breaks the row": {
    from: { ...online, strikes: 2 },
    on: close("connection_lost"),
    to: "waiting/connection_lost",
    effects: [{ type: "retry", capMs: 1000 }, report],
    also: { strikes: 0 },
  },
  "440 ends without a reconnect": {
    from: online,
    on: close("replaced"),
    to: "ended/replaced",
    effects: [report, { type: "alert", reason: "replaced" }],
    also: { isLinked: true },
  },
  "401 forgets the credentials": {
    from: online,
    on: close("logged_out"),
    to: "ended/logged_out",
    effects: [{ type: "report", forget: "login" }],
    also: { isLinked: false, phone: null, account: phone },
  },
  "400 backs off by name, keeps the credentials, and alerts once": {
    from: linked,
    on: close("login_refused"),
    to: "waiting/login_refused",
    effects: [{ type: "retry", capMs: 1000 }, report, { type: "alert", reason: "login_refused" }],
    also: { isLinked: true, phone },
  },
  "402 ends until the ban is over, and keeps the credentials": {
    from: linked,
    on: close("banned_for_a_time"),
    to: "ended/banned_for_a_time",
    effects: [report, { type: "alert", reason: "banned_for_a_time" }],
    also: { isLinked: true, phone },
  },
  "415 ends and keeps the credentials": {
    from: linked,
    on: close("account_not_found"),
    to: "ended/account_not_found",
    effects: [report, { type: "alert", reason: "account_not_found" }],
    also: { isLinked: true, phone },
  },
  "what the server says out of turn backs off": {
    from: linked,
    on: close("unexpected_answer"),
    to: "waiting/unexpected_answer",
    effects: [{ type: "retry", capMs: 1000 }, report],
    also: { isLinked: true },
  },
  "403 keeps the credentials": {
    from: online,
    on: close("banned"),
    to: "ended/banned",
    effects: [report, { type: "alert", reason: "banned" }],
    also: { isLinked: true, phone },
  },
  "405 asks for a newer client version": {
    from: linked,
    on: close("version_refused"),
    to: "waiting/version_refused",
    effects: [report, { type: "refreshVersion" }],
    also: { isVersionFresh: true },
  },
  "a second 405 ends": {
    from: { ...linked, isVersionFresh: true },
    on: close("version_refused"),
    to: "ended/version_refused",
    effects: [report, { type: "alert", reason: "version_refused" }],
  },
  "411 is repaired once": {
    from: online,
    on: close("bad_session"),
    to: "waiting/bad_session",
    effects: [{ type: "dropCaches" }, { type: "retry", capMs: 1000 }, report, { type: "alert", reason: "bad_session" }],
    also: { strikes: 1 },
  },
  "a second 411 ends": {
    from: { ...online, strikes: 1 },
    on: close("bad_session"),
    to: "ended/bad_session",
    effects: [report, { type: "alert", reason: "bad_session" }],
  },
  "an untrusted server while pairing ends": {
    from: pairing,
    on: close("untrusted_server"),
    to: "ended/untrusted_server",
    effects: [report, { type: "alert", reason: "untrusted_server" }],
  },
  "an untrusted server of a linked session backs off": {
    from: linked,
    on: close("untrusted_server"),
    to: "waiting/untrusted_server",
    effects: [{ type: "retry", capMs: 1000 }, report, { type: "alert", reason: "untrusted_server" }],
    also: { isLinked: true },
  },
  "a line that answers nothing backs off": {
    from: online,
    on: close("not_answering"),
    to: "waiting/not_answering",
    effects: [{ type: "retry", capMs: 1000 }, report],
    also: { socket: null, attempts: 1 },
  },
  "a proxy that leads nowhere backs off": {
    from: linked,
    on: close("proxy_unreachable"),
    to: "waiting/proxy_unreachable",
    effects: [{ type: "retry", capMs: 1000 }, report, { type: "alert", reason: "proxy_unreachable" }],
    also: { isLinked: true, attempts: 1 },
  },
  "a proxy that still leads nowhere alerts no more": {
    from: { ...linked, reason: "proxy_unreachable", attempts: 1 },
    on: close("proxy_unreachable"),
    to: "waiting/proxy_unreachable",
    effects: [{ type: "retry", capMs: 2000 }, report],
  },
};

describe("the transition table", () => {
  test.each(Object.entries(table))("%s", (_name, { from, on, to, effects, also = {} }) => {
    const before = structuredClone(from);
    const { machine, effects: done } = step(from, on);
    expect(where(machine)).toBe(to);
    expect(done).toEqual(effects);
    expect(machine).toMatchObject(also);
    expect(from).toEqual(before);
  });

  test("has a row for every event and every kind of close", () => {
    const events = new Set(Object.values(table).map(({ on }) => on.type));
    expect([...events].sort()).toEqual(
      [
        "adopted",
        "desiredStateChanged",
        "qr",
        "linked",
        "opened",
        "closed",
        "passkeyRequested",
        "retryDue",
        "settled",
        "versionRefreshed",
      ].sort(),
    );
    const kinds = new Set(Object.values(table).flatMap(({ on }) => (on.type === "closed" ? [on.kind] : [])));
    expect([...kinds].sort()).toEqual(
      Object.keys(closePolicies)
        .filter((kind) => kind !== "passkey_required")
        .sort(),
    );
  });
});

test("a late close of a dead socket wakes nothing, whatever its reason and whatever the state", () => {
  for (const machine of [fresh, pairing, online, waiting, stopped, banned]) {
    for (const kind of Object.keys(closePolicies) as CloseKind[]) {
      expect(step(machine, close(kind, 99))).toEqual({ machine, effects: [] });
    }
  }
});

test("only a logout forgets credentials", () => {
  for (const kind of Object.keys(closePolicies) as CloseKind[]) {
    const { effects } = step(online, close(kind));
    expect([kind, effects.some((effect) => effect.type === "report" && effect.forget === "login")]).toEqual([
      kind,
      kind === "logged_out",
    ]);
  }
});

test("an event that changes nothing leaves the reconnect alone", () => {
  const idle: MachineEvent[] = [
    setDesired("running", 1),
    { type: "qr", socket: 1 },
    close("connection_lost"),
    { type: "settled", socket: 1 },
  ];
  for (const event of idle) expect(names(step(waiting, event).effects)).toEqual([]);
});

test.each([
  [515, "restart_required"],
  [428, "connection_lost"],
  [408, "timed_out"],
  [503, "server_unavailable"],
  [500, "server_error"],
  [440, "replaced"],
  [401, "logged_out"],
  [403, "banned"],
  [400, "login_refused"],
  [402, "banned_for_a_time"],
  [405, "version_refused"],
  [406, "banned"],
  [409, "version_refused"],
  [411, "bad_session"],
  [413, "login_refused"],
  [414, "login_refused"],
  [415, "account_not_found"],
  [418, "version_refused"],
  [501, "login_refused"],
  [999, "login_refused"],
  [undefined, "connection_lost"],
])("close code %s is %s", (code, kind) => expect(closeKind(code)).toBe(kind));
