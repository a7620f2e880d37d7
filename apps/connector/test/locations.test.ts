import { afterAll, beforeAll, expect, test } from "vitest";
import type { ReceivedMessage } from "../src/baileys/receive-messages.ts";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";
const place = { latitude: -6.1754, longitude: 106.8272, address: "Gambir, Jakarta" };

let rig: Rig;
let sessionId: string;
/** What the sockets of the connector report. */
const received: ReceivedMessage[] = [];

beforeAll(async () => {
  rig = await startRig({
    services: { chance: () => 0 },
    around: (open) => (options) => {
      const { listener } = options;
      const onMessage = (message: ReceivedMessage) => {
        received.push(message);
        return listener.onMessage(message);
      };
      return open({ ...options, listener: { ...listener, onMessage } });
    },
  });
  sessionId = await rig.pair(own);
  rig.simulator.createPhone({ number: user, receipts: "read" });
});
afterAll(() => rig.close());

test("a location is shown on the phone, and its receipts reach the edge", async () => {
  const messageId = await rig.send(sessionId, { to: user, type: "location", name: "Monas", ...place });
  const message = await rig.simulator.waitForMessage(user, ({ kind }) => kind === "location");
  expect(message).toMatchObject({ text: "Monas", name: "Monas", ...place, direction: "in" });
  await until("the message is read", () => rig.edge.typesOf(messageId).length === 3);
  expect(rig.edge.typesOf(messageId)).toEqual(["message.sent", "message.delivered", "message.read"]);
});

test("a location without a name is shown without one", async () => {
  await rig.send(sessionId, { to: user, type: "location", latitude: 0, longitude: 179.5 });
  const message = await rig.simulator.waitForMessage(
    user,
    (shown) => shown.kind === "location" && shown.longitude === 179.5,
  );
  expect(message).toMatchObject({ text: "", latitude: 0, longitude: 179.5 });
});

test.each(["pn", "lid"] as const)("a location that somebody writes is received, by %s", async (addressing) => {
  const before = received.length;
  await rig.simulator.send(user, { to: own, type: "location", name: "SV-0123456789ABC", ...place, addressing });
  const { said, from } = await until("it is received", () => received[before]);
  const content = { type: "location", name: "SV-0123456789ABC", ...place };
  expect(said).toMatchObject({ content, isForwarded: false });
  expect(from).toBe(user);
  // The edge learns that somebody wrote. A name is no text, so that there is no token.
  const events = () => rig.edge.events.filter(({ type }) => type === "message.received");
  await until("the event is at the edge", () => events().length === received.length);
  expect(events().at(-1)).toMatchObject({ sessionId, from: user, token: null, isForwarded: false });
});
