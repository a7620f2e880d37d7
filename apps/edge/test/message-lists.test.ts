import type { Message, MessageList } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { mostLookedAt } from "../src/page-window.ts";
import type { Edge } from "./harness.ts";
import { connectorOf, recipient, text } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
beforeEach(async () => {
  sessionId = await edge.addSession();
});

const list = async (query = "", key = edge.workspace.key) =>
  (await edge.api<MessageList>(`GET /v1/messages?${query}`, undefined, { key })).body;
const idsOf = ({ messages }: MessageList) => messages.map(({ id }) => id);
const search = async (body: object, key = edge.workspace.key) =>
  idsOf((await edge.api<MessageList>("POST /v1/messages/search", body, { key })).body);

/** Sends one message a second. */
async function send(...bodies: object[]): Promise<string[]> {
  const ids: string[] = [];
  for (const body of bodies) {
    edge.advance(1000);
    ids.push((await text(edge, body)).body.id);
  }
  return ids;
}

describe("the list of messages", () => {
  it("is newest first, page by page, and leaves no message out", async () => {
    const ids = await send({}, {}, {}, {}, {});
    const first = await list("limit=2");
    const second = await list(`limit=2&cursor=${first.nextCursor}`);
    const third = await list(`limit=2&cursor=${second.nextCursor}`);
    expect([...idsOf(first), ...idsOf(second), ...idsOf(third)]).toEqual(ids.toReversed());
    expect([first.nextCursor, third.nextCursor]).toEqual([ids[3], null]);
  });

  it("has what a read of the message has, with the customer's data", async () => {
    const [id] = await send({ metadata: { orderId: "A-1", tags: ["x"] }, lane: "bulk" });
    const { body } = await edge.api<Message>(`GET /v1/messages/${id}`);
    expect((await list()).messages).toEqual([body]);
    expect(body).toMatchObject({ metadata: { orderId: "A-1", tags: ["x"] }, lane: "bulk" });
  });

  it("can be narrowed to a session, a type, a status and a time", async () => {
    const other = await edge.addSession();
    const [a, b, c, d] = await send(
      { sessionId },
      { sessionId: other },
      { sessionId, type: "location", text: undefined, latitude: 1, longitude: 2 },
      { sessionId, sendAt: new Date(edge.services.now().getTime() + 5 * 86_400_000).toISOString() },
    );
    const created = (await edge.api<Message>(`GET /v1/messages/${b}`)).body.createdAt;
    expect(idsOf(await list(`sessionId=${other}`))).toEqual([b]);
    expect(idsOf(await list("type=location"))).toEqual([c]);
    expect(idsOf(await list("status=scheduled"))).toEqual([d]);
    expect(idsOf(await list("status=queued"))).toEqual([c, b, a]);
    expect(idsOf(await list(`createdAfter=${created}`))).toEqual([d, c]);
    expect(idsOf(await list(`createdBefore=${created}`))).toEqual([a]);
    edge.advance(2 * 86_400_000);
    expect(idsOf(await list("status=failed"))).toEqual([c, b, a]);
  });

  it("shows and finds a message without an account as sent for keys without lookup:read", async () => {
    const [id = ""] = await send({});
    const connector = connectorOf(edge);
    await connector.claim(id, sessionId);
    await connector.failed(id, sessionId, "not_on_whatsapp");
    const key = await edge.addKey(edge.workspace.id, ["message:send"]);
    expect([(await list("status=sent", key)).messages.length, (await list("status=failed", key)).messages]).toEqual([
      1,
      [],
    ]);
    expect((await list("status=failed")).messages[0]?.failure?.reason).toBe("not_on_whatsapp");
    const timeline = async (of?: string) =>
      (
        await edge.api<{ events: { type: string; data: object }[] }>(
          `GET /v1/messages/${id}/events`,
          undefined,
          of === undefined ? {} : { key: of },
        )
      ).body.events.map(({ type, data }) => [type, data]);
    expect(await timeline(key)).toEqual([
      ["message.queued", {}],
      ["message.sent", {}],
    ]);
    expect(await timeline()).toEqual([
      ["message.queued", {}],
      ["message.failed", { reason: "not_on_whatsapp" }],
    ]);
  });

  it("is of one workspace, and of the sandbox for a test key", async () => {
    const [live] = await send({});
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    const { body } = await edge.api<Message>(
      "POST /v1/messages",
      { to: "+99900000000", type: "text", text: "hi" },
      { key: test },
    );
    const stranger = await edge.addWorkspace();
    expect([idsOf(await list()), idsOf(await list("", test)), idsOf(await list("", stranger.key))]).toEqual([
      [live],
      [body.id],
      [],
    ]);
  });

  it("looks at a bounded number of rows, and its next page continues there", async () => {
    await edge.client.execute({
      sql: `INSERT INTO message (id, workspace_id, session_id, to_masked, status, expires_at, created_at, updated_at, type)
        WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < ${mostLookedAt + 10})
        SELECT printf('msg_0000000000%016d', i), ?, ?, '', 'sent', i, i, i, iif(i = 3, 'location', 'text') FROM i`,
      args: [edge.workspace.id, sessionId],
    });
    const first = await list("type=location");
    expect([first.messages, first.nextCursor]).toEqual([[], `msg_0000000000${"11".padStart(16, "0")}`]);
    const second = await list(`type=location&cursor=${first.nextCursor}`);
    expect([second.messages.length, second.nextCursor]).toEqual([1, null]);
  });

  it("takes no number in its address; a search for a number takes it in the body", async () => {
    const { status, body } = await edge.api(`GET /v1/messages?to=${encodeURIComponent(recipient)}`);
    expect([status, body.errors?.[0]?.message]).toEqual([400, "must be in the body of `POST /v1/messages/search`"]);
    const [a, , c] = await send({}, { to: "+6591234567" }, {});
    expect(await search({ to: "+62 812-3456-7890" })).toEqual([c, a]);
    expect(await search({ to: recipient, limit: 1 })).toEqual([c]);
    expect(await search({ to: recipient, cursor: c })).toEqual([a]);
    expect(await search({ to: recipient }, (await edge.addWorkspace()).key)).toEqual([]);
  });

  it("needs a key that sends or reads messages, and the latter changes nothing", async () => {
    const [id] = await send({});
    const reader = await edge.addKey(edge.workspace.id, ["message:read"]);
    const other = await edge.addKey(edge.workspace.id, ["otp:send"]);
    for (const request of ["GET /v1/messages", `GET /v1/messages/${id}`, `GET /v1/messages/${id}/events`]) {
      const answers = [reader, other].map((key) => edge.api(request, undefined, { key }));
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 403]);
    }
    const cancel = await edge.api(`POST /v1/messages/${id}/cancel`, undefined, { key: reader });
    expect(cancel.status).toBe(403);
  });
});

describe("a message's own data", () => {
  it.each<[string, object]>([
    ["has 17 entries", Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 1]))],
    ["has more than 2 KB", { a: "é".repeat(1030) }],
    ["has a name of 41 characters", { ["k".repeat(41)]: 1 }],
  ])("is refused if it %s", async (_, metadata) => {
    const { status, body } = await text(edge, { metadata });
    expect([status, body.errors?.[0]?.pointer.startsWith("/metadata")]).toEqual([400, true]);
  });

  it.each([59, 604_801, 1.5])("a lifetime of %d seconds is refused", async (expiresIn) => {
    expect((await text(edge, { expiresIn })).status).toBe(400);
  });

  it("a message of seven days may be claimed until then", async () => {
    const { body } = await text(edge, { expiresIn: 604_800 });
    edge.advance(604_799_000);
    expect(await connectorOf(edge).claim(body.id, sessionId)).toBe("claimed");
  });
});

it("a voice note is sent, delivered, read and played, and no late receipt takes that back", async () => {
  const [id = ""] = await send({});
  const connector = connectorOf(edge);
  await connector.claim(id, sessionId);
  await connector.report(sessionId, "message.played", { messageId: id });
  await connector.report(sessionId, "message.read", { messageId: id });
  await connector.report(sessionId, "message.played", { messageId: id });
  const { body } = await edge.api<Message>(`GET /v1/messages/${id}`);
  const at = edge.services.now().toISOString();
  expect(body).toMatchObject({ status: "played", sentAt: at, deliveredAt: at, readAt: at, playedAt: at });
  const { events } = (await edge.api<{ events: { type: string }[] }>(`GET /v1/messages/${id}/events`)).body;
  expect(events.map(({ type }) => type)).toEqual([
    "message.queued",
    "message.sent",
    "message.delivered",
    "message.read",
    "message.played",
  ]);
  expect((await edge.rows("SELECT waiting FROM session"))[0]).toEqual({ waiting: 0 });
});
