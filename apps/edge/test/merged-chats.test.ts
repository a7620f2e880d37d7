import type { Message, MessageList, SessionEvent } from "@sandi/contracts";
import { beforeEach, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { connectorOf, recipient } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let report: ReturnType<typeof connectorOf>["report"];
beforeEach(async () => {
  sessionId = await edge.addSession();
  ({ report } = connectorOf(edge));
});

const tail = (n: number) => `01jd3k9v7hq2w8x5n4b6m0c1t${n}`;
const [older, younger, third] = [`cht_${tail(0)}`, `cht_${tail(1)}`, `cht_${tail(2)}`];
const personOf = (chatId: string) => chatId.replace("cht", "per");

async function receive(n: number, chatId: string, from: string | null = recipient, session = sessionId): Promise<void> {
  const flags = { isViewOnce: false, isOffline: false };
  const about = { chatKind: "person", personId: personOf(chatId), origin: null, to: null, type: "text", ...flags };
  const message = { messageId: `msg_${tail(n)}`, chatId, ...about };
  await report(session, "message.received", { from, token: null, isForwarded: false, message });
}
const merge = (chatId: string, mergedIds: string[], id = `evt_${tail(0)}`) =>
  report(sessionId, "chat.merged", { id, chatId, mergedIds });
const listed = async (chatId: string, key?: string) => {
  const { body } = await edge.api<MessageList>(`GET /v1/messages?chatId=${chatId}`, undefined, key ? { key } : {});
  return body.messages.map(({ id, chatId: chat, from }: Message) => [id.at(-1), chat, from?.id]);
};
const history = async () =>
  (await edge.api<{ events: SessionEvent[] }>(`GET /v1/sessions/${sessionId}/events`)).body.events.filter(
    ({ type }) => type === "chat.merged",
  );

it("gives the messages of merged chats the oldest id, and every id finds all of them", async () => {
  await receive(1, older);
  await receive(2, younger);
  await merge(older, [younger]);
  const both = [
    ["2", older, personOf(older)],
    ["1", older, personOf(older)],
  ];
  expect([await listed(older), await listed(younger)]).toEqual([both, both]);
  expect(await history()).toMatchObject([{ chatId: older, mergedIds: [younger] }]);
});

it("gives the remaining id to a message whose event still names a former one", async () => {
  await merge(older, [younger]);
  await receive(3, younger);
  expect(await listed(older)).toEqual([["3", older, personOf(older)]]);
});

it("follows a chat that is merged twice", async () => {
  await receive(1, third);
  await merge(younger, [third]);
  await merge(older, [younger], `evt_${tail(1)}`);
  await receive(2, third);
  const all = await listed(older);
  expect(all.map(([n]) => n)).toEqual(["2", "1"]);
  expect([await listed(younger), await listed(third)]).toEqual([all, all]);
});

it("is one chat that messages can be sent to, by either id", async () => {
  await connectorOf(edge).state(sessionId, "online");
  await receive(1, older, null);
  await receive(2, younger);
  await merge(older, [younger]);
  expect(await edge.rows("SELECT id, to_hash IS NOT NULL AS is_known, is_open FROM chat")).toEqual([
    { id: older, is_known: 1, is_open: 1 },
  ]);
  for (const to of [older, younger, personOf(younger)]) {
    const sent = await edge.api<Message>("POST /v1/messages", { to, type: "text", text: "halo" });
    expect([to, sent.status, sent.body.sessionId]).toEqual([to, 202, sessionId]);
  }
});

it("keeps what is known of a chat that only the former id had", async () => {
  await receive(2, younger);
  await merge(older, [younger]);
  expect(await edge.rows("SELECT id, to_hash IS NOT NULL AS is_known FROM chat")).toEqual([{ id: older, is_known: 1 }]);
});

it("shows the event once, however often it comes", async () => {
  await merge(older, [younger]);
  await merge(older, [younger]);
  expect(await history()).toHaveLength(1);
  expect(await edge.count("chat_alias")).toBe(1);
});

it("changes nothing of another session or workspace", async () => {
  const other = await edge.addWorkspace();
  const theirs = await edge.addSession("online", other.id);
  await receive(1, younger, recipient, theirs);
  await merge(older, [younger]);
  expect(await edge.rows("SELECT chat_id, person_id FROM message")).toEqual([
    { chat_id: younger, person_id: personOf(younger) },
  ]);
  expect(await listed(older, other.key)).toEqual([]);
});
