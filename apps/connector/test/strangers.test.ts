import { connect } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createReadiness } from "../src/readiness.ts";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.close());

test("a caller that hangs up in the middle of a body causes no error in the log", async () => {
  const { port } = new URL(rig.edge.connectorUrl);
  for (let i = 0; i < 5; i++) {
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), "127.0.0.1", () => {
        socket.write("POST /jobs/send HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nx", () => socket.destroy());
      });
      socket.on("close", () => resolve());
    });
  }
  // One that comes behind them is answered, and they have been seen.
  const ended = () => rig.connector && rig.edge.deliver("/jobs/send", {}, { tamper: true });
  await until("the next is answered", async () => (await ended()).status === 401);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(rig.log.filter((line) => line.includes("a request failed"))).toEqual([]);
});

test("however many ask how the connector is, the database is asked twice a second", async () => {
  let asked = 0;
  let at = 0;
  const store = {
    client: { execute: async () => void asked++ },
    hasSpace: () => Promise.resolve(asked < 3),
  } as unknown as Parameters<typeof createReadiness>[0];
  const readiness = createReadiness(store, { now: () => new Date(at), after: () => () => undefined });
  const many = () => Promise.all(Array.from({ length: 50 }, readiness));
  expect(new Set((await many()).flat())).toEqual(new Set());
  at = 499;
  await many();
  expect(asked).toBe(1);
  at = 500;
  await many();
  at = 1000;
  expect(new Set((await many()).flat())).toEqual(new Set(["the database has no room"]));
  expect(asked).toBe(3);
});
