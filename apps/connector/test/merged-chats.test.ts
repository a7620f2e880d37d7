import type { ConnectorEvent, StoredMessage } from "@sandi/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";

let rig: Rig;
let sessionId: string;
beforeEach(async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  sessionId = await rig.pair(own);
  rig.simulator.createPhone({ number: user });
});
afterEach(() => rig.close());

const messages = () =>
  rig.edge.events.flatMap((event) => (event.type === "message.received" && event.message ? [event.message] : []));
const merges = () =>
  rig.edge.events.filter(
    (event): event is Extract<ConnectorEvent, { type: "chat.merged" }> => event.type === "chat.merged",
  );

/** Writes, and waits until the message is at the edge. */
async function written(text: string, addressing: "pn" | "lid") {
  const before = messages().length;
  await rig.simulator.send(user, { to: own, text, addressing });
  return until("it is reported", () => messages()[before]);
}

test("two chats that prove to be one are reported once, before the message that proves it", async () => {
  const fault = rig.simulator.setFault({ kind: "one-name", number: own });
  const byLid = await written("satu", "lid");
  const byNumber = await written("dua", "pn");
  expect(byLid.chatId).not.toBe(byNumber.chatId);
  expect(merges()).toEqual([]);

  rig.simulator.clearFaults(fault.id);
  const byBoth = await written("tiga", "lid");
  await written("empat", "pn");
  expect(merges()).toMatchObject([{ sessionId, chatId: byLid.chatId, mergedIds: [byNumber.chatId] }]);
  expect(byBoth).toMatchObject({ chatId: byLid.chatId, personId: byLid.personId });
  const types = rig.edge.events.map(({ type }) => type);
  expect(types.indexOf("chat.merged")).toBeLessThan(types.lastIndexOf("message.received"));

  const response = await rig.edge.rpc("/rpc/messages/read", { sessionId, messageIds: [byNumber.messageId] });
  const { messages: read } = (await response.json()) as { messages: StoredMessage[] };
  expect(read).toMatchObject([{ content: { text: "dua" }, from: { id: byLid.personId, phone: user } }]);
});
