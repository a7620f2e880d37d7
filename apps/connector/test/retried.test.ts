import { laneHeader } from "@sandi/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

let rig: Rig;
let sessionId: string;
const [sender, user] = ["+6281600000001", "+6281600000002"];
beforeAll(async () => {
  rig = await startRig();
  sessionId = await rig.pair(sender);
  rig.simulator.createPhone({ number: user, receipts: "none" });
});
afterAll(() => rig.close());

const shown = (text: string) => rig.simulator.messages(user).filter((one) => one.text === text).length;
const deliver = (messageId: string) => rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId));

/** A message that WhatsApp has refused at both addresses of its recipient, and whose failure the edge knows. */
async function failed(text: string): Promise<string> {
  const messageId = newId("msg");
  rig.simulator.setFault({ kind: "send-error", code: 463, to: user, times: 2 });
  await rig.edge.accept(messageId, { to: user, text });
  expect((await deliver(messageId)).status).toBe(200);
  await until("the failure is reported", () => rig.edge.failureOf(messageId));
  expect([rig.edge.failureOf(messageId), shown(text)]).toEqual(["new_chats_locked", 0]);
  return messageId;
}

test("a message that failed is sent when the edge gives it again, and its recipient sees it once", async () => {
  const messageId = await failed("again");
  expect((await deliver(messageId)).status).toBe(200);
  expect(shown("again")).toBe(0);
  rig.edge.retry(messageId);
  expect((await deliver(messageId)).status).toBe(200);
  await until("it is sent", () => rig.edge.typesOf(messageId).includes("message.sent"));
  expect((await deliver(messageId)).status).toBe(200);
  expect(shown("again")).toBe(1);
});

test("a retry that fails is reported as a failure again", async () => {
  const messageId = await failed("twice");
  rig.edge.retry(messageId);
  rig.simulator.setFault({ kind: "send-error", code: 463, to: user, times: 2 });
  expect((await deliver(messageId)).status).toBe(200);
  await until("the second failure is reported", () => rig.edge.failureOf(messageId));
  expect(shown("twice")).toBe(0);
});

test("a failed message waits until the edge knows of its failure, however often its job comes", async () => {
  const messageId = newId("msg");
  rig.simulator.setFault({ kind: "send-error", code: 463, to: user, times: 2 });
  await rig.edge.accept(messageId, { to: user, text: "not yet" });
  rig.edge.refuse = ({ events }) => (events.some(({ type }) => type === "message.failed") ? 503 : null);
  expect((await deliver(messageId)).status).toBe(200);
  // This edge would give the message again, because it knows of no failure.
  expect((await deliver(messageId)).status).toBe(503);
  expect([shown("not yet"), rig.edge.typesOf(messageId)]).toEqual([0, []]);
  rig.edge.refuse = null;
  await until("the failure is reported", () => rig.edge.failureOf(messageId));
  expect((await deliver(messageId)).status).toBe(200);
  expect(shown("not yet")).toBe(0);
});

test("the header of its lane makes a bulk job a normal one, and any other value does not", async () => {
  const send = async (text: string, lane: string) => {
    const messageId = newId("msg");
    await rig.edge.accept(messageId, { to: user, text });
    const job = { ...sendJob(messageId, sessionId), lane: "bulk", pacing: "off" };
    expect((await rig.edge.deliver("/jobs/send", job, { headers: { [laneHeader]: lane } })).status).toBe(200);
  };
  await send("single", "normal");
  await send("of many", "otp");
  const metrics = await rig.metrics();
  expect(metrics).toContain('sandi_paced_total{lane="normal"} 1');
  expect(metrics).toContain('sandi_paced_total{lane="bulk"} 1');
});
