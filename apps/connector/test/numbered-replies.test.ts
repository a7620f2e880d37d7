import type { ConnectorEvent } from "@sandi/contracts";
import { beforeEach, expect, test } from "vitest";
import { conversationsOf } from "./support/conversations.ts";
import { until } from "./support/fake-edge.ts";
import { other, own, user, useLinkedSession } from "./support/linked-session.ts";
import type { Rig } from "./support/rig.ts";

const dayMs = 86_400_000;

let ahead: number;
let rig: Rig;
let sessionId: string;
beforeEach(() => {
  ahead = 0;
});
useLinkedSession((started) => ({ rig, sessionId } = started), {
  services: { now: () => new Date(Date.now() + ahead) },
});

type Event<Type extends ConnectorEvent["type"]> = Extract<ConnectorEvent, { type: Type }>;
const eventsOf = <Type extends ConnectorEvent["type"]>(type: Type) =>
  rig.edge.events.filter((event): event is Event<Type> => event.type === type);
const { written, read } = conversationsOf(() => ({ rig, sessionId }));
const replies = () => eventsOf("message.reply").map(({ messageId, replyId }) => [messageId, replyId]);

const question = (text: string, ids: [string, string], render: "text" | "native" = "text") => ({
  type: "buttons" as const,
  text,
  buttons: [
    { id: ids[0], text: "Today" },
    { id: ids[1], text: "Later" },
  ],
  render,
});
/** Asks the user, and answers our id and WhatsApp's. */
async function ask(...about: Parameters<typeof question>) {
  const before = rig.simulator.messages(user).length;
  const id = await rig.send(sessionId, { to: user, ...question(...about) });
  const { id: waId } = await until("it is shown", () => rig.simulator.messages(user)[before]);
  return { id, waId };
}

test.each(["pn", "lid"] as const)("a number is a reply to the latest question of the chat (%s)", async (addressing) => {
  const first = await ask("First?", ["a", "b"]);
  const second = await ask("Second?", ["c", "d"]);
  const reply = await written(user, { to: own, text: "2.", addressing });
  expect(reply.type).toBe("reply");
  expect(await read(reply.messageId)).toMatchObject([
    {
      content: { type: "reply", id: "d", text: "2." },
      quotedMessageId: second.id,
    },
  ]);
  const quoting = await written(user, { to: own, text: "today", addressing, quotedMessageId: first.waId });
  expect(await read(quoting.messageId)).toMatchObject([
    {
      content: { type: "reply", id: "a", text: "today" },
      quotedMessageId: first.id,
    },
  ]);
  await until("both are reported", () => replies().length === 2);
  expect(replies()).toEqual([
    [second.id, reply.messageId],
    [first.id, quoting.messageId],
  ]);
});

test("a question stays answerable through a restart, and its options are nowhere in clear", async () => {
  const { id } = await ask("Which?", ["option-of-ours", "b"]);
  const { rows } = await database("SELECT sealed FROM numbered");
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain("option-of-ours");
  await rig.stop();
  await rig.start();
  await written(user, { to: own, text: "1" });
  await until("it is reported", () => replies()[0]?.[0] === id);
});

test("a tap names the option of WhatsApp's own buttons, and a number does not", async () => {
  const { id, waId } = await ask("Native?", ["a", "b"], "native");
  expect(await written(user, { to: own, text: "2" })).toMatchObject({ type: "text" });
  const tap = { type: "reply" as const, id: "b", text: "Later", quotedMessageId: waId };
  const reply = await written(user, { to: own, ...tap });
  await until("the tap is reported", () => replies().length === 1);
  expect(replies()).toEqual([[id, reply.messageId]]);
});

test("other texts, other people, other quotes, forwarded texts and the owner choose nothing", async () => {
  const plain = await rig.send(sessionId, { to: user, text: "Hello" });
  const plainId = await until("it is shown", () => rig.simulator.messages(user)[0]?.id);
  await ask("Which?", ["a", "b"]);
  const texts = [
    await written(user, { to: own, text: "2 please" }),
    await written(user, { to: own, text: "3" }),
    await written(other, { to: own, text: "2" }),
    await written(user, { to: own, text: "2", quotedMessageId: plainId }),
    await written(user, { to: own, text: "2", forwarded: true }),
    await written(own, { to: user, text: "2" }),
  ];
  expect(texts.map(({ type }) => type)).toEqual(texts.map(() => "text"));
  expect(await read(texts[3]!.messageId)).toMatchObject([{ quotedMessageId: plain }]);
  await written(user, { to: own, text: "1" });
  await until("a choice is reported", () => replies().length === 1);
});

test("a question has no replies once it was deleted for everyone, or after seven days", async () => {
  rig.simulator.updatePhone(user, { receipts: "delivered" });
  const { id } = await ask("Deleted?", ["a", "b"]);
  await rig.edge.deliverUntilDone("/jobs/revoke", {
    messageId: id,
    sessionId,
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
  });
  expect(await written(user, { to: own, text: "1" })).toMatchObject({ type: "text" });
  await ask("Late?", ["a", "b"]);
  ahead = 7 * dayMs - 60_000;
  expect(await written(user, { to: own, text: "1" })).toMatchObject({ type: "reply" });
  ahead = 7 * dayMs + 60_000;
  expect(await written(user, { to: own, text: "1" })).toMatchObject({ type: "text" });
});

async function database(sql: string) {
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(`${rig.folder}/connector.db`, { timeout: 5000 });
  try {
    return { rows: db.prepare(sql).all() };
  } finally {
    db.close();
  }
}
