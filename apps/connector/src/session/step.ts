import { type DesiredState, isSameAccount, type SessionReason } from "@sandi/contracts";
import { type CloseKind, policyOf } from "../close-reasons.ts";
import type { Effect, Forgotten, Machine, MachineEvent, Step } from "./machine.ts";

const baseMs = 1000;
const capMs = 60_000;
const strikesForBadSession = 3;
/** One restart follows a link, and the server may ask for one more. */
const quickRestarts = 2;
/** How many times a session tries to reach WhatsApp for its logout before it gives up. */
const logoutAttempts = 3;

/** The failure counts restart when the session was online for a while, or when the desired state changes. */
const noFailures = { attempts: 0, strikes: 0, isVersionFresh: false, restarts: 0 } as const;

/** The next state of a session after an event, and the effects to perform. */
// oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, as tsc knows
export function step(machine: Machine, event: MachineEvent): Step {
  if ("socket" in event && event.socket !== machine.socket) return still(machine);
  switch (event.type) {
    case "adopted":
      return adopt(machine);
    case "desiredStateChanged":
      return changeDesiredState(machine, event);
    case "settingsChanged":
      if (event.revision <= machine.revision) return still(machine);
      return change({ ...machine, revision: event.revision }, {}, { always: true });
    case "qr":
      if (machine.isLinked) return refuse(machine, event);
      return machine.state === "connecting" ? change(machine, { state: "pairing", reason: null }) : still(machine);
    case "linked":
      if (machine.isLinked) return refuse(machine, event);
      return change(machine, { state: "connecting", reason: null, isLinked: true, phone: event.phone });
    case "opened":
      return open(machine, event);
    case "closed":
      return close({ ...machine, socket: null }, event.kind);
    case "passkeyRequested":
      return closeFrom(machine, event, "passkey_required");
    case "retryDue":
      return machine.state === "waiting" && machine.socket === null ? connect(machine, machine.reason) : still(machine);
    case "settled": {
      const { attempts } = machine;
      return change({ ...machine, ...noFailures }, {}, { always: attempts > 0 });
    }
    case "versionRefreshed":
      if (machine.state !== "waiting" || machine.reason !== "version_refused") return still(machine);
      return event.isNewer ? connect(machine, "version_refused") : end(machine, "version_refused", true);
  }
}

/** Continues from the state that the last owner stored. */
function adopt(machine: Machine): Step {
  if (isLeaving(machine)) return leave(machine);
  if (machine.state === "ended" && machine.reason === "exported") return still(machine);
  if (machine.desired === "stopped") return change(machine, { state: "stopped", reason: "requested" });
  if (machine.state === "ended") return still(machine);
  if (machine.state === "stopped" && machine.reason === "pairing_timed_out") return still(machine);
  return connect(machine, machine.reason);
}

function changeDesiredState(
  machine: Machine,
  { desired, revision }: { desired: DesiredState; revision: number },
): Step {
  if (revision <= machine.revision) return still(machine);
  const changed = { ...machine, desired, revision, ...noFailures };
  if (isLeaving(changed)) return leave(changed, machine.state === "online" ? machine.socket : null);
  const withoutSocket: Machine = { ...changed, socket: null };
  const next =
    desired === "stopped"
      ? change(withoutSocket, { state: "stopped", reason: "requested" }, { always: true })
      : connect(withoutSocket, "requested", { always: true });
  return { machine: next.machine, effects: [...closeSocket(machine), ...next.effects] };
}

function open(machine: Machine, { socket, phone }: { socket: number; phone: string }): Step {
  if (!machine.isLinked) return refuse(machine, { socket });
  if (machine.state === "online" && !isLeaving(machine)) return still(machine);
  if (isLeaving(machine)) return leave({ ...machine, phone }, socket);
  const opened = change(machine, { state: "online", reason: null, phone });
  return { machine: opened.machine, effects: [...opened.effects, { type: "settle", socket }] };
}

/** The close reason says what follows; the socket is closed already. */
// oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, as tsc knows
function close(machine: Machine, kind: CloseKind): Step {
  const policy = policyOf(kind);
  if (isLeaving(machine)) return leaveAfterClose(machine, policy.forgets === true);
  const isPairing = !machine.isLinked;
  if (isPairing && machine.state === "pairing" && (kind === "timed_out" || kind === "pairing_timed_out")) {
    return change(machine, { state: "stopped", reason: "pairing_timed_out" });
  }
  if (isPairing && kind === "untrusted_server") return end(machine, policy.reason, true);
  switch (policy.follow) {
    case "reconnect":
      // A server that always asks for a restart would get endless connections.
      if (machine.restarts >= quickRestarts) return backOff(machine, policy.reason, false);
      return connect({ ...machine, restarts: machine.restarts + 1 }, policy.reason);
    case "backOff": {
      const strikes = kind === "server_error" ? machine.strikes + 1 : 0;
      const isBad = strikes >= strikesForBadSession;
      return backOff({ ...machine, strikes }, isBad ? "bad_session" : policy.reason, isBad || policy.alerts === true);
    }
    case "repair": {
      if (machine.strikes > 0) return end(machine, policy.reason, true);
      const again = backOff({ ...machine, strikes: 1 }, policy.reason, true);
      return { machine: again.machine, effects: [{ type: "dropCaches" }, ...again.effects] };
    }
    case "refreshVersion": {
      if (machine.isVersionFresh) return end(machine, policy.reason, true);
      const waiting = change({ ...machine, isVersionFresh: true }, { state: "waiting", reason: policy.reason });
      return { machine: waiting.machine, effects: [...waiting.effects, { type: "refreshVersion" }] };
    }
    case "stop":
      return change(machine, { state: "stopped", reason: policy.reason });
    case "end":
      return policy.forgets ? forget(machine, policy.reason) : end(machine, policy.reason, policy.alerts === true);
  }
}

/** The server sent something that does not fit the state: the connection is not reliable. */
function refuse(machine: Machine, { socket }: { socket: number }): Step {
  return closeFrom(machine, { socket }, "unexpected_answer");
}

/** Closes the socket for a reason that Sandi detected. */
function closeFrom(machine: Machine, { socket }: { socket: number }, kind: CloseKind): Step {
  const closed = close({ ...machine, socket: null }, kind);
  return { machine: closed.machine, effects: [{ type: "close", socket }, ...closed.effects] };
}

function connect(machine: Machine, reason: SessionReason | null, { always = false } = {}): Step {
  const socket = machine.lastSocket + 1;
  const next = change({ ...machine, socket, lastSocket: socket }, { state: "connecting", reason }, { always });
  return { machine: next.machine, effects: [...next.effects, { type: "open", socket }] };
}

function backOff(machine: Machine, reason: SessionReason, alerts: boolean): Step {
  const delay = Math.min(capMs, baseMs * 2 ** machine.attempts);
  const waiting = change({ ...machine, attempts: machine.attempts + 1 }, { state: "waiting", reason });
  const isNew = machine.reason !== reason;
  return {
    machine: waiting.machine,
    effects: [
      { type: "retry", capMs: delay },
      ...waiting.effects,
      ...(alerts && isNew ? [{ type: "alert", reason } as const] : []),
    ],
  };
}

function end(machine: Machine, reason: SessionReason, alerts: boolean): Step {
  const ended = change(machine, { state: "ended", reason });
  return {
    machine: ended.machine,
    effects: [...ended.effects, ...(alerts ? [{ type: "alert", reason } as const] : [])],
  };
}

function forget(machine: Machine, reason: SessionReason): Step {
  const forgotten = { ...machine, isLinked: false };
  return change(forgotten, { state: "ended", reason, phone: null }, { always: true, forget: "login" });
}

function isLeaving({ desired }: Machine): boolean {
  return desired === "logged_out" || desired === "deleted";
}

/** Logs out of WhatsApp if the session is linked. Without an open socket, a new one is opened for it. */
function leave(machine: Machine, openSocket: number | null = null): Step {
  const alone: Machine = { ...machine, socket: null };
  if (openSocket !== null) {
    const left = finishLogout(alone);
    return { machine: left.machine, effects: [{ type: "logOut", socket: openSocket }, ...left.effects] };
  }
  if (machine.isLinked && machine.state !== "ended") {
    if (machine.socket !== null) return still(machine);
    const next = connect(alone, "requested");
    return { machine: next.machine, effects: [{ type: "cancelRetry" }, ...next.effects] };
  }
  const left = finishLogout(alone);
  return { machine: left.machine, effects: [...closeSocket(machine), ...left.effects] };
}

function closeSocket({ socket }: Machine): Effect[] {
  return [{ type: "cancelRetry" }, ...(socket === null ? [] : [{ type: "close", socket } as const])];
}

function leaveAfterClose(machine: Machine, isLoggedOut: boolean): Step {
  if (isLoggedOut || !machine.isLinked || machine.attempts + 1 >= logoutAttempts) return finishLogout(machine);
  return backOff(machine, "requested", false);
}

function finishLogout(machine: Machine): Step {
  if (machine.desired !== "deleted") return forget(machine, "logged_out");
  const { machine: gone } = forget(machine, "requested");
  return { machine: gone, effects: [{ type: "remove" }] };
}

function still(machine: Machine): Step {
  return { machine, effects: [] };
}

interface HowToReport {
  /** Report though nothing but the revision may have changed. */
  always?: boolean;
  forget?: Forgotten;
}

function change(
  machine: Machine,
  patch: Partial<Machine>,
  { always = false, forget: dropped = false }: HowToReport = {},
): Step {
  const next = { ...machine, ...patch };
  const isChanged = next.state !== machine.state || next.reason !== machine.reason || next.phone !== machine.phone;
  // WhatsApp may spell the same account's number in another way when it links again.
  const isOther = next.phone !== null && (machine.account === null || !isSameAccount(next.phone, machine.account));
  next.account = next.phone ?? machine.account;
  const drop = isOther ? "past" : dropped;
  return { machine: next, effects: isChanged || always ? [{ type: "report", forget: drop }] : [] };
}
