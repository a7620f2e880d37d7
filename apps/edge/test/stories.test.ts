import { claimPath, type ClaimResponse, type Message, type MessageDryRun } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { connectorOf } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
beforeEach(async () => {
  sessionId = await edge.addSession();
});

const people = ["+6281234567890", "+6281234567891"];
const story = { to: "status", type: "text", text: "Open today", audience: { people } };
const tell = (more: object = {}, headers: Record<string, string> = {}) =>
  edge.api<Message>("POST /v1/messages", { ...story, sessionId, ...more }, { headers });

const tail = (n: number) => `01jd3k9v7hq2w8x5n4b6m0c1t${n}`;

const batchOf = (message: object) =>
  edge.api("POST /v1/batches", { messages: [{ type: "text", text: "Hi", ...message }] });

async function sealedOf({ id }: Message) {
  const claims = [{ messageId: id, sessionId, fence: 1 }];
  const { results } = (await edge.internal<ClaimResponse>(claimPath, { connectorId: "a", claims })).body;
  const [claimed] = results;
  if (claimed?.outcome !== "claimed") throw new Error("not claimed");
  return edge.unseal(claimed.sealed);
}

describe("a story", () => {
  it("is sealed with its audience, each number in its canonical spelling, and shown as a story", async () => {
    const { status, body } = await tell({
      audience: { people: ["+525512345678", "+5215512345679", "123456789012@lid"] },
      background: "#1fa855",
      font: "bold",
    });
    expect([status, body.detail]).toEqual([202, undefined]);
    expect(body).toMatchObject({ to: "status", type: "text", status: "queued", sessionId });
    expect(await sealedOf(body)).toEqual({
      to: "status",
      text: "Open today",
      background: "#1fa855",
      font: "bold",
      audience: { people: ["+525512345678", "+525512345679", "123456789012@lid"] },
    });
    const rows = JSON.stringify(await edge.rows("SELECT * FROM message"));
    expect(rows).not.toContain("5512345678");
  });

  it("needs no chat and uses up no new chat of its session", async () => {
    expect((await tell()).status).toBe(202);
    expect(await edge.rows("SELECT new_chats FROM session")).toEqual([{ new_chats: 0 }]);
  });

  it.each([
    ["without an audience", { audience: undefined }, "/audience"],
    ["for nobody", { audience: { people: [] } }, "/audience/people"],
    [
      "for more than 1,000",
      { audience: { people: Array.from({ length: 1001 }, () => people[0]) } },
      "/audience/people",
    ],
    ["for a number that is none", { audience: { people: ["0812"] } }, "/audience/people/0"],
    ["of a kind that is none", { type: "location", latitude: 1, longitude: 2, text: undefined }, "/type"],
    ["that mentions people", { mentions: people }, "/mentions"],
    ["with a colour that is none", { background: "green" }, "/background"],
    ["with a font that is none", { font: "comic" }, "/font"],
  ])("%s is refused", async (_name, more, pointer) => {
    const { status, body } = await tell(more);
    expect([status, body.errors?.map((error) => error.pointer)]).toEqual([400, [pointer]]);
    expect(await edge.count("message")).toBe(0);
  });

  it.each([
    ["an audience", { audience: { people } }, "/audience"],
    ["a background", { audience: undefined, background: "#1fa855" }, "/background"],
    ["a font", { audience: undefined, font: "bold" }, "/font"],
  ])("alone has %s", async (_name, more, pointer) => {
    const { status, body } = await tell({ to: people[0], ...more });
    expect([status, body.errors?.map((error) => error.pointer)]).toEqual([400, [pointer]]);
  });

  it("is not in a batch", async () => {
    const inBatch = await batchOf({ to: "status" });
    expect(inBatch.body.errors).toMatchObject([{ pointer: "/messages/0/to" }]);
    const coloured = await batchOf({ to: people[0], background: "#1fa855" });
    expect(coloured.body.errors).toMatchObject([{ pointer: "/messages/0/background" }]);
  });

  it("is refused if a rule blocks somebody who would see it, and no rule allows it", async () => {
    const rule = (body: object) => edge.api("POST /v1/access-rules", body);
    await rule({ effect: "block", kind: "number", value: people[1] });
    const refused = await tell();
    expect([refused.status, refused.body.code, refused.body.errors?.map(({ pointer }) => pointer)]).toEqual([
      403,
      "destination-blocked",
      ["/audience/people/1"],
    ]);
    const dry = await edge.api<MessageDryRun>("POST /v1/messages", { ...story, sessionId, dryRun: true });
    expect(dry.body).toMatchObject({ code: "destination-blocked" });
    expect((await tell({ audience: { people: [people[0]] } })).status).toBe(202);
    await rule({ effect: "block", kind: "prefix", value: "62" });
    expect((await tell({ audience: { people: [people[0]] } })).status).toBe(403);
    await rule({ effect: "allow", kind: "country", value: "ID" });
    expect((await tell()).status).toBe(202);
  });

  it("is refused if a rule may block a person who is named by an id, also a former one", async () => {
    const about = { messageId: `msg_${tail(1)}`, chatId: `cht_${tail(0)}`, chatKind: "person", origin: null, to: null };
    const message = { ...about, personId: `per_${tail(0)}`, type: "text", isViewOnce: false, isOffline: false };
    const connector = connectorOf(edge);
    await connector.report(sessionId, "message.received", {
      from: people[0],
      token: null,
      isForwarded: false,
      message,
    });
    await connector.report(sessionId, "chat.merged", { chatId: `cht_${tail(0)}`, mergedIds: [`cht_${tail(5)}`] });
    const toId = (n: number) => tell({ audience: { people: [`per_${tail(n)}`] } });
    expect([(await toId(0)).status, (await toId(5)).status]).toEqual([202, 202]);
    await edge.api("POST /v1/access-rules", { effect: "block", kind: "prefix", value: people[0]!.slice(1, 11) });
    expect([(await toId(0)).status, (await toId(5)).status]).toEqual([403, 403]);
  });

  it("counts as one message: for the workspace, and as those to one recipient", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { messagesPerRecipientPerHour: 2 } });
    expect((await tell()).status).toBe(202);
    expect((await tell({ audience: { people: [people[0]] } })).status).toBe(202);
    const third = await tell();
    expect([third.status, third.body.code]).toEqual([429, "rate-limited"]);
  });

  it("needs a session when the pool has several", async () => {
    await edge.addSession();
    const { status, body } = await tell({ sessionId: undefined });
    expect([status, body.errors?.map(({ pointer }) => pointer)]).toEqual([400, ["/sessionId"]]);
  });

  it("is sent in the sandbox", async () => {
    const { body: key } = await edge.api<{ key: string }>("POST /v1/keys", { name: "test", environment: "test" });
    const { status, body } = await edge.api<Message>("POST /v1/messages", story, { key: key.key });
    expect([status, body.to]).toEqual([202, "status"]);
  });
});

it("nothing is forwarded to a story", async () => {
  const { body } = await tell();
  const forwarded = await edge.api(`POST /v1/messages/${body.id}/forward`, { to: "status" });
  expect([forwarded.status, forwarded.body.errors?.map(({ pointer }) => pointer)]).toEqual([400, ["/to"]]);
});
