import { EditMessageRpc, type Message, type Problem, ReadMessagesRpc } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

const to = "+6281234567890";
const at = "2026-11-21T08:00:05.000Z";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let asked: { path: string; body: Record<string, unknown> }[];
beforeEach(async () => {
  sessionId = await edge.addSession();
  asked = [];
  edge.connector = (path, body) => {
    asked.push({ path, body: body as Record<string, unknown> });
    return { status: 200, body: { at } };
  };
});

/** A message that was sent, or is as far as said. */
async function message(columns: Record<string, string | number | null> = {}): Promise<string> {
  const { body } = await edge.api<Message>("POST /v1/messages", { sessionId, to, type: "text", text: "hi" });
  await edge.settled();
  const values = Object.entries({ status: "sent", sent_at: edge.services.now().getTime(), ...columns });
  await edge.client.execute({
    sql: `UPDATE message SET ${values.map(([name]) => `${name} = ?`).join(", ")} WHERE id = ?`,
    args: [...values.map(([, value]) => value), body.id],
  });
  return body.id;
}

const call = (request: string, body?: unknown, headers: Record<string, string> = {}) =>
  edge.api<Omit<Message, "status"> & Omit<Problem, "status"> & { status: string }>(request, body, { headers });

describe("an action on a message", () => {
  it.each([
    ["PUT", "reaction", { emoji: "👍" }, "react", { emoji: "👍" }],
    ["DELETE", "reaction", undefined, "react", { emoji: "" }],
    ["PUT", "pin", { seconds: 86_400 }, "pin", { seconds: 86_400 }],
    ["DELETE", "pin", undefined, "pin", { seconds: null }],
    ["POST", "votes", { options: ["Pagi"] }, "vote", { options: ["Pagi"] }],
  ])("%s …/%s asks the session's connector", async (method, path, body, name, input) => {
    const id = await message();
    const answer = await call(`${method} /v1/messages/${id}/${path}`, body);
    expect([answer.status, answer.body.id]).toEqual([200, id]);
    const actionId = expect.stringMatching(/^[\w-]{16,64}$/) as string;
    expect(asked).toEqual([{ path: `/rpc/messages/${name}`, body: { sessionId, messageId: id, actionId, ...input } }]);
  });

  it.each(["queued", "scheduled", "sending", "failed", "canceled", "revoked"])(
    "of a message that is %s is refused without asking",
    async (status) => {
      const id = await message({ status, failure: status === "failed" ? "refused" : null });
      const { status: code, body } = await call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" });
      expect([code, body.code]).toEqual([409, "message-not-actionable"]);
      expect(body.detail).toContain(status);
      expect(asked).toEqual([]);
    },
  );

  it("of a code is not found", async () => {
    const { body } = await edge.api<{ delivery: { messageId: string } }>("POST /v1/verifications", { to });
    const answer = await call(`PUT /v1/messages/${body.delivery.messageId}/reaction`, { emoji: "👍" });
    expect([answer.status, answer.body.code]).toEqual([404, "message-not-found"]);
  });

  it.each(["", "a", "👍👍", "👍!", " "])("refuses %j as an emoji", async (emoji) => {
    const id = await message();
    expect((await call(`PUT /v1/messages/${id}/reaction`, { emoji })).status).toBe(400);
  });

  it.each(["❤️", "👨‍👩‍👧‍👦", "🇮🇩", "1️⃣", "👍🏽"])("takes %s as an emoji", async (emoji) => {
    const id = await message();
    expect((await call(`PUT /v1/messages/${id}/reaction`, { emoji })).status).toBe(200);
  });

  it("has one name under one Idempotency-Key, and another under each other key, request and workspace", async () => {
    const id = await message();
    edge.connector = (path, body) => {
      asked.push({ path, body: body as Record<string, unknown> });
      return undefined;
    };
    const react = (key: string, emoji: string) =>
      call(`PUT /v1/messages/${id}/reaction`, { emoji }, { "idempotency-key": key });
    for (const [key, emoji] of [
      ["one", "👍"],
      ["one", "👍"],
      ["two", "👍"],
      ["one", "🙏"],
    ] as const) {
      expect((await react(key, emoji)).body.code).toBe("outcome-unknown");
      await edge.settled();
    }
    const [first, again, other, changed] = asked.map(({ body }) => body["actionId"]);
    expect(again).toBe(first);
    expect(new Set([first, other, changed]).size).toBe(3);
  });
});

describe("an answer that does not come", () => {
  it("is an unknown outcome, which is not stored: a repetition finds out", async () => {
    const id = await message();
    const headers = { "idempotency-key": "k" };
    edge.connector = () => undefined;
    const unknown = await call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" }, headers);
    expect([unknown.status, unknown.body]).toMatchObject([504, { code: "outcome-unknown", retryable: true }]);
    await edge.settled();
    edge.connector = () => ({ status: 409, body: { code: "session-not-online" } });
    const offline = await call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" }, headers);
    expect([offline.status, offline.headers.get("retry-after")]).toEqual([409, "5"]);
    await edge.settled();
    edge.connector = () => ({ status: 200, body: { at } });
    const found = await call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" }, headers);
    expect([found.status, found.headers.get("idempotent-replayed")]).toEqual([200, null]);
    await edge.settled();
    const replayed = await call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" }, headers);
    expect([replayed.status, replayed.headers.get("idempotent-replayed")]).toEqual([200, "true"]);
  });

  it.each([
    ["connector-unavailable", 503, "connector-unavailable"],
    ["session-not-found", 503, "connector-unavailable"],
    ["not-found", 503, "connector-unavailable"],
    ["internal-error", 504, "outcome-unknown"],
    ["session-not-online", 409, "session-not-online"],
    ["whatsapp-refused", 422, "whatsapp-refused"],
    ["message-not-kept", 409, "message-not-kept"],
  ])("is not the same as the connector's %s", async (code, status, shown) => {
    const id = await message();
    edge.connector = () => ({ status: 500, body: { code } });
    const answer = await call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" });
    expect([answer.status, answer.body.code]).toEqual([status, shown]);
  });
});

describe("an edit", () => {
  it("of a text and of a caption asks the connector, and shows when", async () => {
    const text = await message();
    expect((await call(`PATCH /v1/messages/${text}`, { text: "hello" })).body).toMatchObject({
      id: text,
      editedAt: at,
    });
    const image = await message({ type: "image" });
    await call(`PATCH /v1/messages/${image}`, { caption: "hello", metadata: { a: 1 } });
    expect(asked.map(({ path, body }) => [path, body["messageId"], body["text"]])).toEqual([
      [EditMessageRpc.path, text, "hello"],
      [EditMessageRpc.path, image, "hello"],
    ]);
    expect((await call(`GET /v1/messages/${image}`)).body.metadata).toEqual({ a: 1 });
  });

  it.each([
    ["somebody else's message", { direction: "inbound", status: "received" }, { text: "x" }],
    ["the text of an image", { type: "image" }, { text: "x" }],
    ["the caption of a text", {}, { caption: "x" }],
  ])("refuses %s", async (_, columns, body) => {
    const id = await message(columns);
    const answer = await call(`PATCH /v1/messages/${id}`, { ...body, metadata: { a: 1 } });
    expect([answer.status, answer.body.code]).toEqual([409, "message-not-editable"]);
    expect(asked).toEqual([]);
    expect((await call(`GET /v1/messages/${id}`)).body.metadata).toEqual({});
  });

  it("is refused 15 minutes after the message was sent", async () => {
    const id = await message();
    edge.advance(15 * 60_000);
    expect((await call(`PATCH /v1/messages/${id}`, { text: "x" })).status).toBe(200);
    edge.advance(1);
    const { body } = await call(`PATCH /v1/messages/${id}`, { text: "x" });
    expect([body.code, body.detail]).toEqual(["message-not-editable", "It was sent more than 15 minutes ago."]);
  });

  it.each([{ text: "x", caption: "x" }, { text: "x", sendAt: "2026-12-24T08:00:00.000Z" }, { text: "" }, {}])(
    "refuses the body %j",
    async (body) => {
      expect((await call(`PATCH /v1/messages/${await message()}`, body)).status).toBe(400);
    },
  );

  it("is not for test keys, which still change metadata", async () => {
    const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    const { body } = await edge.api<Message>(
      "POST /v1/messages",
      { to: "+99900000001", type: "text", text: "hi" },
      { key },
    );
    const edit = (change: object) => edge.api<Problem>(`PATCH /v1/messages/${body.id}`, change, { key });
    expect((await edit({ text: "x" })).body.code).toBe("test-keys-not-supported");
    expect((await edit({ metadata: { a: 1 } })).status).toBe(200);
  });
});

describe("a deletion for everyone", () => {
  it("shows the message as revoked, and is done once", async () => {
    const id = await message();
    const { status, body } = await call(`DELETE /v1/messages/${id}?for=everyone`);
    expect([status, body.status, body.revokedAt]).toEqual([200, "revoked", at]);
    await edge.client.execute({ sql: "UPDATE message SET status = 'revoked' WHERE id = ?", args: [id] });
    const again = await call(`DELETE /v1/messages/${id}?for=everyone`);
    expect([again.status, again.body.status]).toEqual([200, "revoked"]);
    expect(asked).toHaveLength(1);
  });

  it.each(["", "?for=us", "?for=all"])("needs to say for whom: %j", async (query) => {
    const answer = await call(`DELETE /v1/messages/${await message()}${query}`);
    expect([answer.status, answer.body.code]).toEqual([400, "invalid-request"]);
  });

  it("of a message that is not sent yet points to its cancellation", async () => {
    const answer = await call(`DELETE /v1/messages/${await message({ status: "queued" })}?for=everyone`);
    expect([answer.status, answer.body.detail]).toEqual([409, expect.stringContaining("/cancel")]);
  });
});

/** What the connector answers that has a vote for this content. */
const stored = (content: unknown) => ({
  status: 200,
  body: {
    messages: asked.flatMap(({ body }) =>
      (body["messageIds"] as string[]).map((id) => ({
        id,
        from: null,
        content,
        quotedMessageId: null,
        reactions: [],
        votes: [{ from: null, options: ["Pagi"], at }],
      })),
    ),
  },
});

describe("the votes of a poll", () => {
  it("are counted by option", async () => {
    edge.connector = (path, body) => {
      asked.push({ path, body: body as Record<string, unknown> });
      return stored({ type: "poll", question: "Kapan?", options: ["Pagi", "Sore"], maxSelections: 1 });
    };
    const { body } = await edge.api(`GET /v1/messages/${await message({ type: "poll" })}/votes`);
    expect(body).toEqual({
      votes: [
        { option: "Pagi", count: 1, people: [null] },
        { option: "Sore", count: 0, people: [] },
      ],
    });
    expect(asked.map(({ path }) => path)).toEqual([ReadMessagesRpc.path]);
  });

  it("are refused when there is no poll, or it is not kept", async () => {
    const text = await call(`GET /v1/messages/${await message()}/votes`);
    expect([text.status, text.body.code]).toEqual([409, "not-a-poll"]);
    edge.connector = () => ({ status: 200, body: { messages: [] } });
    const gone = await call(`GET /v1/messages/${await message({ type: "poll" })}/votes`);
    expect([gone.status, gone.body.code]).toEqual([409, "message-not-kept"]);
  });

  it("are given with the poll's refusals", async () => {
    edge.connector = () => ({ status: 422, body: { code: "vote-not-valid" } });
    const answer = await call(`POST /v1/messages/${await message({ type: "poll" })}/votes`, { options: ["x"] });
    expect([answer.status, answer.body.code]).toEqual([422, "vote-not-valid"]);
    expect((await call(`POST /v1/messages/${await message()}/votes`, { options: ["x", "x"] })).status).toBe(400);
  });
});

const policyOf = async (request: string, sent: unknown) =>
  (await call(request, sent)).headers.get("ratelimit-policy") ?? "";

it.each([
  ["PUT", "/reaction", { emoji: "👍" }],
  ["PATCH", "", { text: "x" }],
])("counts %s …%s as an action, but no change of metadata", async (method, path, body) => {
  const id = await message();
  const policy = '"actions-minute";q=60;w=60, "actions-day";q=2000;w=86400';
  expect(await policyOf(`${method} /v1/messages/${id}${path}`, body)).toContain(policy);
  expect(await policyOf(`PATCH /v1/messages/${id}`, { metadata: {} })).not.toContain("actions");
});
