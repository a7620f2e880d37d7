import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";

let rig: Rig;
let sessionId: string;
beforeAll(async () => {
  rig = await startRig();
  sessionId = await rig.pair("+6281200000001");
  rig.simulator.createPhone({ number: "+6281200000002", receipts: "read" });
});
afterAll(() => rig.close());

test("a scanned QR code brings the session online", () => {
  expect(rig.edge.statesOf(sessionId)).toEqual([
    "connecting/requested",
    "pairing",
    "connecting",
    "connecting/restart_required",
    "online",
  ]);
});

test("a code reaches the phone and its receipts reach the edge in order", async () => {
  const messageId = await rig.send(sessionId, { to: "+6281200000002", code: "482913" });
  const shown = await rig.simulator.waitForMessage("+6281200000002", ({ text }) => text.includes("482913"));
  expect(shown.text).toBe("Your Acme code is 482913. Do not share it.");
  await until("the message is read", () => rig.edge.typesOf(messageId).length === 3);
  expect(rig.edge.typesOf(messageId)).toEqual(["message.sent", "message.delivered", "message.read"]);
});
