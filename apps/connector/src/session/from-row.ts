import type { NodeAtRest } from "@sandi/crypto/node";
import { openNumber } from "../store/own-number.ts";
import type { SessionRow } from "../store/sessions.ts";
import type { Machine, MachineEvent } from "./machine.ts";

/** The machine that continues a session from its row. Throws when a sealed value of the row does not open. */
export function machineFromRow(row: SessionRow, atRest: NodeAtRest): Machine {
  const phone = openNumber(atRest, row.id, row.sealedPhone);
  return {
    state: row.state,
    reason: row.reason,
    phone,
    account: openNumber(atRest, row.id, row.sealedAccount),
    desired: row.desired,
    revision: row.actedRevision,
    isLinked: phone !== null,
    socket: null,
    lastSocket: 0,
    attempts: 0,
    strikes: 0,
    isVersionFresh: false,
    restarts: 0,
  };
}

/** What the row asks for after a revision that was applied. */
export function changeAfter(applied: number, { desired, revision, quietRevision }: SessionRow): MachineEvent {
  const isQuiet = revision === applied + 1 && quietRevision === revision;
  return isQuiet ? { type: "settingsChanged", revision } : { type: "desiredStateChanged", desired, revision };
}
