import { EventEmitter, captureRejectionSymbol } from "node:events";
import type { WASocket } from "@whiskeysockets/baileys";
import { afterEach, expect, test } from "vitest";
import { isolateHandlers, failureOf, isFromBaileys } from "../src/baileys/patches/isolate-handlers.ts";
import { until } from "./support/fake-edge.ts";
import { type Member, startMember } from "./support/members.ts";
import { type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000001";
let rig: Rig | undefined;
let victim: Member | undefined;
afterEach(async () => {
  await victim?.stop("SIGKILL");
  await rig?.close();
  [victim, rig] = [undefined, undefined];
});

test("an unreadable stanza ends neither the process nor its session", async () => {
  rig = await startRig();
  const { edge, simulator } = rig;
  simulator.createPhone({ number: user });
  const sessionId = await rig.pair(own);
  victim = await startMember(rig, "victim");
  await rig.stop();
  edge.publicUrl = edge.connectorUrl;
  edge.connectorUrl = victim.url;
  const online = () => edge.statesOf(sessionId).filter((state) => state === "online").length;
  await until("the other connector has it", () => online() === 2);
  for (let i = 0; i < 3; i++) simulator.setFault({ kind: "unreadable", number: own });
  await rig.send(sessionId, { to: user, code: "123456" });
  await simulator.waitForMessage(user, ({ text }) => text.includes("123456"));
  // Its log lines are written a moment later.
  const { output } = victim;
  await until("it says so", () => output().includes("something that WhatsApp sent could not be handled"));
  expect([online(), victim.process.exitCode]).toEqual([2, null]);
});

const twoEmitters = () => ({ ws: new EventEmitter(), ev: new EventEmitter() }) as unknown as WASocket;
const failing = async ({ id }: { id: string }) => Buffer.from(id);

test("any rejection of a socket's handlers is reported, and of errors only the name", async () => {
  const reported: string[] = [];
  const { ws, ev } = isolateHandlers(twoEmitters, (error) => reported.push(failureOf(error)));
  const emitters = [ws, ev] as unknown as EventEmitter[];
  for (const emitter of emitters) {
    emitter.on("something", failing as (about: { id: string }) => void);
    emitter.emit("something", {});
  }
  await until("both are reported", () => reported.length === 2);
  expect(reported).toEqual(["TypeError", "TypeError"]);
  const elsewhere = new EventEmitter();
  expect((elsewhere as unknown as Record<symbol, unknown>)[captureRejectionSymbol]).toBeUndefined();
  expect(EventEmitter.captureRejections).toBe(false);
});

test("an error counts as one of Baileys by the place it comes from", () => {
  expect(isFromBaileys(new Error("ours"))).toBe(false);
  expect(isFromBaileys("text")).toBe(false);
  for (const place of [
    "/srv/node_modules/@whiskeysockets/baileys/lib/x.js:1:1",
    "/srv/node_modules/libsignal/src/y.js:2:2",
  ]) {
    expect(
      isFromBaileys(Object.assign(new Error("theirs"), { stack: `Error: theirs\n    at f (file://${place})` })),
    ).toBe(true);
  }
});
