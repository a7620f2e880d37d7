import type { CloseKind } from "../../src/close-reasons.ts";
import type { Effect, Machine, MachineEvent } from "../../src/session/machine.ts";

export const fresh: Machine = {
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
export const phone = "+6281200000001";
export const connecting: Machine = {
  ...fresh,
  state: "connecting",
  reason: "requested",
  revision: 1,
  socket: 1,
  lastSocket: 1,
};
export const pairing: Machine = { ...connecting, state: "pairing", reason: null };
export const linked: Machine = { ...connecting, isLinked: true, phone, account: phone };
export const online: Machine = { ...linked, state: "online", reason: null };
export const waiting: Machine = { ...linked, state: "waiting", reason: "connection_lost", socket: null, attempts: 1 };
export const stopped: Machine = { ...linked, state: "stopped", reason: "requested", socket: null, desired: "stopped" };
export const banned: Machine = { ...linked, state: "ended", reason: "banned", socket: null };

export const report: Effect = { type: "report", forget: false };

/** What `step` makes of an event: `to` is the state and its reason, `also` are other fields of the new machine. */
export interface Row {
  from: Machine;
  on: MachineEvent;
  to: string;
  effects: Effect[];
  also?: Partial<Machine>;
}

export const close = (kind: CloseKind, socket = 1): MachineEvent => ({ type: "closed", socket, kind });
export const setDesired = (desired: Machine["desired"], revision = 2): MachineEvent => ({
  type: "desiredStateChanged",
  desired,
  revision,
});
