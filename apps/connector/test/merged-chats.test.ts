import type { ConnectorEvent } from "@sandi/contracts";
import { expect, test } from "vitest";
import { conversationsOf } from "./support/conversations.ts";
import { own, user, useLinkedSession } from "./support/linked-session.ts";
import type { Rig } from "./support/rig.ts";

let rig: Rig;
let sessionId: string;
useLinkedSession((started) => ({ rig, sessionId } = started));

const { written, read } = conversationsOf(() => ({ rig, sessionId }));
const merges = () =>
  rig.edge.events.filter(
    (event): event is Extract<ConnectorEvent, { type: "chat.merged" }> => event.type === "chat.merged",
  );

test("two chats that prove to be one are reported once, before the message that proves it", async () => {
  const fault = rig.simulator.setFault({ kind: "one-name", number: own });
  const byLid = await written(user, { to: own, text: "satu", addressing: "lid" });
  const byNumber = await written(user, { to: own, text: "dua", addressing: "pn" });
  expect(byLid.chatId).not.toBe(byNumber.chatId);
  expect(merges()).toEqual([]);

  rig.simulator.clearFaults(fault.id);
  const byBoth = await written(user, { to: own, text: "tiga", addressing: "lid" });
  await written(user, { to: own, text: "empat", addressing: "pn" });
  expect(merges()).toMatchObject([{ sessionId, chatId: byLid.chatId, mergedIds: [byNumber.chatId] }]);
  expect(byBoth).toMatchObject({ chatId: byLid.chatId, personId: byLid.personId });
  const types = rig.edge.events.map(({ type }) => type);
  expect(types.indexOf("chat.merged")).toBeLessThan(types.lastIndexOf("message.received"));

  expect(await read(byNumber.messageId)).toMatchObject([
    { content: { text: "dua" }, from: { id: byLid.personId, phone: user } },
  ]);
});
