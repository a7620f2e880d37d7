import { describe, expect, test } from "vitest";
import { type CloseKind, closePolicies } from "../src/close-reasons.ts";
import type { Effect, Machine, MachineEvent } from "../src/session/machine.ts";
import { step } from "../src/session/step.ts";
import { closeRows } from "./machine/close-rows.ts";
import { desiredStateRows } from "./machine/desired-state-rows.ts";
import { socketRows } from "./machine/socket-rows.ts";
import { banned, close, fresh, online, pairing, setDesired, stopped, waiting } from "./machine/states.ts";

const names = (effects: Effect[]) => effects.map(({ type }) => type);
const where = ({ state, reason }: Machine) => (reason ? `${state}/${reason}` : state);
const table = { ...desiredStateRows, ...socketRows, ...closeRows };

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
