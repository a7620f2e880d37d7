import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";

let rig: Rig;
let sessionId: string;
const user = "+6281200000002";
beforeAll(async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  sessionId = await rig.pair("+6281200000001");
  rig.simulator.createPhone({ number: user, receipts: "read" });
});
afterAll(() => rig.close());

test("every receipt arrives after the edge was away", async () => {
  rig.edge.refuse = () => 503;
  const sent = await Promise.all(
    Array.from({ length: 20 }, (_, i) => rig.send(sessionId, { to: user, code: `10${i + 10}` })),
  );
  expect(rig.edge.events.filter((event) => "messageId" in event)).toEqual([]);
  await until("the phone has read them all", () => rig.simulator.stats().readReceipts >= 20);
  rig.edge.refuse = null;
  rig.edge.isDown = true;
  await new Promise((resolve) => setTimeout(resolve, 300));
  rig.edge.isDown = false;
  await until("all is reported", () => sent.every((id) => rig.edge.typesOf(id).length === 3));
  for (const id of sent) expect(rig.edge.typesOf(id)).toEqual(["message.sent", "message.delivered", "message.read"]);
});

test("what waits survives a restart", async () => {
  rig.edge.refuse = () => 503;
  const messageId = await rig.send(sessionId, { to: user, code: "777888" });
  await until("the phone has read it", () => rig.simulator.stats().readReceipts >= 21);
  await rig.stop();
  expect(rig.edge.typesOf(messageId)).toEqual([]);
  rig.edge.refuse = null;
  await rig.start();
  await until("it is reported", () => rig.edge.typesOf(messageId).length === 3);
  expect(rig.edge.typesOf(messageId)).toEqual(["message.sent", "message.delivered", "message.read"]);
  await until("the session is back", () => rig.edge.statesOf(sessionId).at(-1) === "online");
});

test("a session whose event the edge fails at does not hold up those of others", async () => {
  const other = await rig.pair("+6281200000003");
  let poison = "";
  rig.edge.refuse = ({ events }) => {
    const sent = events.find((event) => event.type === "message.sent" && event.sessionId === other);
    if (poison === "" && sent) poison = sent.id;
    return events.some(({ id }) => id === poison) ? 500 : null;
  };
  const held = await rig.send(other, { to: user, code: "300010" });
  const sent = await Promise.all(
    Array.from({ length: 5 }, (_, i) => rig.send(sessionId, { to: user, code: `30${i + 11}` })),
  );
  await until("those of the other session are read", () => sent.every((id) => rig.edge.typesOf(id).length === 3));
  expect(rig.edge.typesOf(held)).toEqual([]);
  rig.edge.refuse = null;
  await until("it is delivered in order", () => rig.edge.typesOf(held).length === 3);
  expect(rig.edge.typesOf(held)).toEqual(["message.sent", "message.delivered", "message.read"]);
});

test("an event that the edge refuses is parked, and the others pass", async () => {
  let poison = "";
  rig.edge.refuse = ({ events }) => {
    const sent = events.find((event) => event.type === "message.sent");
    if (poison === "" && sent) poison = sent.id;
    return events.some(({ id }) => id === poison) ? 422 : null;
  };
  const messages = await Promise.all(
    Array.from({ length: 8 }, (_, i) => rig.send(sessionId, { to: user, code: `20${i + 10}` })),
  );
  await until("the others are read", () => messages.every((id) => rig.edge.typesOf(id).includes("message.read")));
  rig.edge.refuse = null;
  expect(rig.edge.events.some(({ id }) => id === poison)).toBe(false);
  expect(messages.filter((id) => rig.edge.typesOf(id).length === 2)).toHaveLength(1);
  const metrics = await rig.metrics();
  expect(metrics).toContain("sandi_outbox_parked 1");
  expect(rig.log.join("")).toContain("the edge refuses an event; it is parked");
});

test("a parked event is tried again at the next start", async () => {
  const before = rig.edge.events.length;
  await rig.stop();
  await rig.start();
  await until("it is reported", () => rig.edge.events.slice(before).some(({ type }) => type === "message.sent"));
  const metrics = await rig.metrics();
  expect(metrics).toContain("sandi_outbox_parked 0");
});
