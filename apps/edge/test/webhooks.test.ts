import { EventPattern, eventTypes, matchesPattern } from "@sandi/contracts";
import { verifyWebhook } from "@sandi/crypto";
import { describe, expect, it } from "vitest";
import { wrong } from "./harness.ts";
import { recipient, text, verify } from "./senders.ts";
import { useWebhooks } from "./use-webhooks.ts";
import { hookUrl, secret, type Webhooks } from "./webhooks-world.ts";

let world: Webhooks;
useWebhooks((started) => (world = started));

const rows = (query: string) => world.edge.rows(query);
const types = () => world.received().map(({ event }) => event.type);

describe("the event message.failed", () => {
  it("reaches an endpoint that subscribes to it, signed, when the connector has reported it", async () => {
    await world.subscribe(["message.failed"]);
    const messageId = await world.failedMessage();
    expect(await world.deliver()).toEqual([200]);
    const [call] = world.calls;
    expect(call?.url).toBe(hookUrl);
    const now = world.edge.services.now();
    const headers = new Headers(call?.headers);
    expect(await verifyWebhook({ secrets: [secret], headers, body: call?.body ?? "", now })).toBe(true);
    const [{ id: eventId } = {}] = await rows("SELECT id FROM event WHERE type = 'message.failed'");
    expect(world.received()).toMatchObject([
      { id: eventId, event: { id: eventId, type: "message.failed", messageId, at: now.toISOString(), isTest: false } },
    ]);
    expect(headers.has("webhook-replay")).toBe(false);
    expect(await rows("SELECT status, attempts, event_seq > 0 AS seen FROM delivery")).toEqual([
      { status: "delivered", attempts: 1, seen: 1 },
    ]);
    expect(await rows("SELECT number, status, error FROM delivery_attempt")).toEqual([
      { number: 1, status: 204, error: null },
    ]);
    expect(await rows("SELECT outcome, count FROM endpoint_hour")).toEqual([{ outcome: "delivered", count: 1 }]);
    expect(await rows("SELECT subject_id FROM job WHERE kind = 'delivery'")).toEqual([]);
  });

  it("is stored with its job: cron publishes it when QStash was away", async () => {
    await world.subscribe(["message.failed"]);
    world.edge.queueIsDown = true;
    await world.failedMessage();
    expect(await rows("SELECT kind FROM job WHERE subject_id LIKE 'dlv_%'")).toEqual([{ kind: "delivery" }]);
    world.edge.queueIsDown = false;
    expect(await world.deliver()).toEqual([]);
    world.edge.advance(15_000);
    await world.cron();
    expect(await world.deliver()).toEqual([200]);
  });

  it("is one delivery, however often the connector reports it and cron looks", async () => {
    await world.subscribe(["*"]);
    const messageId = await world.failedMessage();
    await world.connector.failed(messageId, world.session, "refused");
    await world.cron();
    await world.cron();
    await world.deliver();
    expect(types().filter((type) => type === "message.failed")).toHaveLength(1);
  });

  it("of a message that expired reaches the endpoint through cron", async () => {
    await world.subscribe(["message.failed"]);
    await text(world.edge);
    world.edge.advance(25 * 3600_000);
    await world.cron();
    await world.deliver();
    expect(types()).toEqual(["message.failed"]);
  });

  it("does not reach other workspaces, other subscriptions and endpoints that were made later", async () => {
    const stranger = await world.edge.addWorkspace();
    await world.subscribe(["*"], { workspaceId: stranger.id });
    await world.subscribe(["message.sent", "verification.*"]);
    await world.failedMessage();
    world.edge.advance(1);
    await world.subscribe(["*"]);
    await world.cron();
    expect(await rows("SELECT id FROM delivery")).toEqual([]);
  });

  it("does not tell a key without lookup:read that a number has no account", async () => {
    await world.edge.addKey(world.edge.workspace.id, ["message:send", "webhook:manage"]);
    const [key] = await rows("SELECT id FROM api_key ORDER BY rowid DESC LIMIT 1");
    await world.subscribe(["message.failed", "message.sent"], { createdBy: String(key?.["id"]) });
    await world.failedMessage("not_on_whatsapp");
    expect(await rows("SELECT type FROM delivery")).toEqual([{ type: "message.sent" }]);
  });

  it("is shown without the scopes of a key that was deleted after it was stored", async () => {
    await world.edge.addKey(world.edge.workspace.id, ["message:send", "webhook:manage", "lookup:read"]);
    const [key] = await rows("SELECT id FROM api_key ORDER BY rowid DESC LIMIT 1");
    await world.subscribe(["message.*"], { createdBy: String(key?.["id"]) });
    await world.failedMessage("not_on_whatsapp");
    await rows(`DELETE FROM api_key WHERE id = '${String(key?.["id"])}'`);
    await world.deliver();
    expect(types()).toEqual(["message.queued", "message.sent"]);
  });

  it("has no number and no text in its row and its job", async () => {
    await world.subscribe(["*"]);
    await world.failedMessage();
    await world.deliver();
    const stored = JSON.stringify([await rows("SELECT * FROM delivery"), await rows("SELECT * FROM delivery_attempt")]);
    expect(stored).not.toContain(recipient.slice(1));
    expect(stored).not.toContain("Selamat");
  });
});

describe("a request that changes something", () => {
  it("has its events delivered without cron", async () => {
    await world.subscribe(["message.queued"]);
    const { body } = await text(world.edge);
    await world.edge.settled();
    await world.deliver();
    expect(world.received()).toMatchObject([{ event: { type: "message.queued", messageId: body.id } }]);
  });

  it("of a workspace without endpoints leaves no position and no delivery", async () => {
    const stranger = await world.edge.addWorkspace();
    await world.subscribe(["*"], { workspaceId: stranger.id });
    await text(world.edge);
    await world.edge.settled();
    expect(await rows("SELECT workspace_id FROM webhook_position")).toEqual([{ workspace_id: stranger.id }]);
    expect(await rows("SELECT id FROM delivery")).toEqual([]);
  });
});

describe("an endpoint", () => {
  it("gets the event of a wrong code without cron, although the request is refused", async () => {
    const { body } = await verify(world.edge);
    await world.subscribe(["verification.check_failed"]);
    const code = wrong(await world.edge.codeOf(body.id));
    const answer = await world.edge.api(`POST /v1/verifications/${body.id}/check`, { code });
    await world.edge.settled();
    expect(answer.status).toBe(422);
    await world.deliver();
    expect(types()).toEqual(["verification.check_failed"]);
  });

  it("of a test key gets the events of the sandbox, and one of a live key the others", async () => {
    await world.subscribe(["*"], { url: "https://app.example.com/test", isTest: true });
    await world.subscribe(["*"], { url: "https://app.example.com/live" });
    const key = await world.edge.addKey(world.edge.workspace.id, undefined, { environment: "test" });
    await world.edge.api("POST /v1/verifications", { to: "+99900000000" }, { key });
    await world.edge.api("POST /v1/verifications", { to: recipient });
    await world.edge.settled();
    await world.cron();
    await world.deliver();
    const got = world.received().map(({ url, event }) => `${url.split("/").at(-1)} ${event.type} ${event.isTest}`);
    expect(new Set(got)).toEqual(
      new Set([
        ...["verification.created", "message.queued", "message.sent", "message.delivered", "message.read"].map(
          (type) => `test ${type} true`,
        ),
        "live verification.created false",
        "live message.queued false",
      ]),
    );
  });

  it.each([
    [["*"], ["message.queued", "message.failed"]],
    [["message.*"], ["message.queued", "message.failed"]],
    [["message.failed"], ["message.failed"]],
    [["verification.*", "message.queue"], []],
  ])("with the filter %s gets %s", async (filter, expected) => {
    await world.subscribe(filter);
    await world.failedMessage();
    await world.deliver();
    expect(types()).toEqual(expected);
  });

  it("gets the types that its pattern asks for, and no others", async () => {
    const patterns = EventPattern.options;
    const endpoints = new Map<string, string>();
    for (const pattern of patterns) endpoints.set(await world.subscribe([pattern]), pattern);
    const { workspace, services, client } = world.edge;
    const at = services.now().getTime();
    await client.batch(
      eventTypes.map(
        (type) => `INSERT INTO event (id, workspace_id, type, session_id, data, at)
          VALUES ('evt_${type}', '${workspace.id}', '${type}', '${world.session}', '{}', ${at})`,
      ),
    );
    await world.cron();
    const got = (await rows("SELECT endpoint_id, type FROM delivery")).map(
      (row) => `${endpoints.get(String(row["endpoint_id"]))} gets ${String(row["type"])}`,
    );
    const expected = patterns.flatMap((pattern) =>
      eventTypes.filter((type) => matchesPattern(pattern, type)).map((type) => `${pattern} gets ${type}`),
    );
    expect(got.toSorted()).toEqual(expected.toSorted());
  });

  it("of some sessions gets their events only", async () => {
    const other = await world.edge.addSession("stopped");
    const mine = await world.subscribe(["message.queued"], { sessionIds: [world.session] });
    await world.subscribe(["message.queued"], { sessionIds: [other] });
    await text(world.edge);
    await world.cron();
    expect(await rows("SELECT endpoint_id FROM delivery")).toEqual([{ endpoint_id: mine }]);
  });

  it("of some kinds of chats gets what is about these, and nothing that is about no chat", async () => {
    const [people, groups] = [
      await world.subscribe(["*"], { chatKinds: ["person"] }),
      await world.subscribe(["*"], { chatKinds: ["group"] }),
    ];
    await world.edge.api("POST /v1/messages", { to: "120363000000000001@g.us", type: "text", text: "Hello" });
    await text(world.edge);
    await world.state(world.session, "waiting", "connection_lost");
    await world.cron();
    const found = await rows(`SELECT d.endpoint_id, d.type, m.to_masked FROM delivery d
      JOIN event e ON e.seq = d.event_seq LEFT JOIN message m ON m.id = e.message_id ORDER BY d.event_seq`);
    const of = (id: string) =>
      found.filter((row) => row["endpoint_id"] === id).map((row) => [row["type"], String(row["to_masked"]).slice(-5)]);
    expect([of(people), of(groups)]).toEqual([[["message.queued", "*7890"]], [["message.queued", "@g.us"]]]);
  });
});
