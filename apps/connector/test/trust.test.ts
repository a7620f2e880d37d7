import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { isSignedBy, SignatureRefused } from "../src/baileys/patches/verify-signatures.ts";
import { until } from "./support/fake-edge.ts";
import { newId, qrOf, type Rig, sendJob, startRig } from "./support/rig.ts";

interface SignalCurve {
  generateKeyPair(): { pubKey: Buffer; privKey: Buffer };
  calculateSignature(key: Buffer, message: Buffer): Buffer;
  verifySignature(key: Uint8Array, message: Uint8Array, signature: Uint8Array, isInit?: boolean): boolean;
}
const curve = createRequire(import.meta.url)("libsignal").curve as SignalCurve;

const bytes = (hex: string) => Buffer.from(hex, "hex");

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

test("a server with another root key is refused before anything is sent to it", async () => {
  rig = await startRig();
  rig.simulator.setFault({ kind: "wrong-root" });
  const sessionId = newId("ses");
  await rig.setDesiredState({ sessionId });
  const { edge } = rig;
  await until("it ends", () => edge.statesOf(sessionId).at(-1) === "ended/untrusted_server");
  expect(rig.simulator.waiting()).toBe(0);
  expect(edge.statesOf(sessionId)).not.toContain("pairing");
});

test("a linked session tries again until the right server answers", async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  const { edge } = rig;
  const sessionId = await rig.pair("+6281200000001");
  rig.simulator.setFault({ kind: "wrong-root", times: 1 });
  rig.simulator.setFault({ kind: "drop" });
  await until("it is back", () => edge.statesOf(sessionId).filter((state) => state === "online").length === 2);
  expect(edge.statesOf(sessionId)).toContain("waiting/untrusted_server");
});

test("a tampered account signature is refused", async () => {
  rig = await startRig();
  const number = "+6281200000001";
  rig.simulator.createPhone({ number });
  rig.simulator.setFault({ kind: "tampered-account-signature", number });
  const sessionId = newId("ses");
  await rig.setDesiredState({ sessionId });
  const running = rig;
  const qr = await until("a QR code is shown", () => qrOf(running, sessionId));
  rig.simulator.scan(number, qr).catch(() => undefined);
  await until("it ends", () => running.edge.statesOf(sessionId).at(-1) === "ended/untrusted_server");
  expect(rig.simulator.phone(number).devices).toEqual([]);
});

test("a tampered pre-key bundle is refused, and the message fails", async () => {
  rig = await startRig();
  const sessionId = await rig.pair("+6281200000001");
  const user = "+6281200000002";
  rig.simulator.createPhone({ number: user });
  rig.simulator.setFault({ kind: "tampered-bundle", number: user });
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: user, code: "101010" });
  expect((await rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId))).status).toBe(200);
  const { edge } = rig;
  await until("it has failed", () => edge.failureOf(messageId) === "undeliverable");
  expect(rig.simulator.stats().messagesReceived).toBe(0);
});

test("libsignal and Baileys refuse what is not signed, also for new sessions", async () => {
  rig = await startRig();
  const { Curve } = await import("@whiskeysockets/baileys");
  const pair = curve.generateKeyPair();
  const message = randomBytes(33);
  const signature = curve.calculateSignature(pair.privKey, message);
  expect(curve.verifySignature(pair.pubKey, message, signature, true)).toBe(true);
  expect(Curve.verify(pair.pubKey.subarray(1), message, signature)).toBe(true);
  const changed = Buffer.from(signature);
  changed[0]! ^= 1;
  for (const bad of [randomBytes(64), changed, Buffer.alloc(64), Buffer.alloc(10)]) {
    expect(() => curve.verifySignature(pair.pubKey, message, bad, true)).toThrow(SignatureRefused);
    expect(Curve.verify(pair.pubKey.subarray(1), message, bad)).toBe(false);
  }
  expect(Curve.verify(curve.generateKeyPair().pubKey, message, signature)).toBe(false);
  expect(Curve.verify(pair.pubKey, randomBytes(33), signature)).toBe(false);
});

test("the quick check agrees with libsignal's slow one", async () => {
  // libsignal without our patches, in a process of its own.
  const script = `
    const { curve } = require("libsignal");
    const { randomBytes } = require("crypto");
    const rows = [];
    for (let i = 0; i < 20; i++) {
      const { pubKey, privKey } = curve.generateKeyPair();
      const message = randomBytes(i * 7 + 1);
      const signature = curve.calculateSignature(privKey, message);
      if (i % 2) signature[i] ^= 1 << (i % 8);
      const row = [pubKey, message, signature].map((part) => part.toString("hex"));
      rows.push([...row, curve.verifySignature(pubKey, message, signature), curve.verifySignature(pubKey, message, signature, true)]);
    }
    console.log(JSON.stringify(rows));`;
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", script], { cwd });
  const rows = JSON.parse(stdout) as [string, string, string, boolean, boolean][];
  for (const [key, message, signature, isRight, asInit] of rows) {
    expect(isSignedBy(bytes(key), bytes(message), bytes(signature))).toBe(isRight);
    // The fault that our patch corrects: with `isInit` the unmodified library accepts everything.
    expect(asInit).toBe(true);
  }
  expect(rows.filter(([, , , isRight]) => isRight)).toHaveLength(10);
});
