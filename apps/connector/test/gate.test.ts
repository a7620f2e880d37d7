import { expect, test } from "vitest";
import { createGate } from "../src/session/gate.ts";

test("the gate admits a fixed number at once, and each leaves once", () => {
  const gate = createGate(2);
  const inside: string[] = [];
  const leave = new Map<string, () => void>();
  for (const name of ["a", "b", "c", "d"]) gate.enter("ws_1", (out) => (inside.push(name), leave.set(name, out)));
  expect(inside).toEqual(["a", "b"]);
  leave.get("a")!();
  leave.get("a")!();
  expect(inside).toEqual(["a", "b", "c"]);
});

test("hanging logins of one workspace leave places free, and the workspace with the fewest goes first", () => {
  const gate = createGate(3, 2);
  const inside: string[] = [];
  const leave = new Map<string, () => void>();
  const enter = (name: string) => gate.enter(name[0]!, (out) => (inside.push(name), leave.set(name, out)));
  for (const name of ["a1", "a2", "a3", "a4"]) enter(name);
  expect(inside).toEqual(["a1", "a2"]);
  for (const name of ["b1", "b2", "c1"]) enter(name);
  expect(inside).toEqual(["a1", "a2", "b1"]);
  leave.get("a1")!();
  expect(inside.at(-1)).toBe("c1");
  leave.get("a2")!();
  leave.get("c1")!();
  expect(inside.slice(4)).toEqual(["a3", "b2"]);
});
