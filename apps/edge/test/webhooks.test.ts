import { createId } from "@sandi/contracts";
import { verifyWebhook, webRandom } from "@sandi/crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sealTarget } from "../src/outbound/target.ts";
import { type Alerts, startAlerts } from "./alerts-world.ts";
import { connectorOf, recipient, text } from "./senders.ts";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
let world: Alerts;
let connector: ReturnType<typeof connectorOf>;
let session: string;

beforeEach(async () => {
  world = await startAlerts();
  connector = connectorOf(world.edge);
  session = await world.edge.addSession();
  world.edge.advance(1);
});
afterEach(async () => {
  await world.edge.settled();
  world.edge.close();
});

const rows = (query: string) => world.edge.rows(query);

/** Stores an endpoint that subscribes to events. The API has no call for it yet. */
async function subscribe(events: readonly string[], more: { workspace_id?: string; created_by?: string } = {}) {
  const { services, client, workspace } = world.edge;
  const at = services.now();
  const row = { id: createId("alc", at, webRandom(10)), workspace_id: workspace.id, created_by: null, ...more };
  const place = { workspaceId: row.workspace_id, id: row.id };
  const target = await sealTarget(services, place, { kind: "webhook", url: "https://app.example.com/hook", secret });
  await client.execute({
    sql: `INSERT INTO endpoint (id, workspace_id, topic, kind, name, target, label, settings, created_by, created_at, updated_at)
      VALUES (?, ?, 'event', 'webhook', 'App', ?, '', ?, ?, ?, 0)`,
    args: [row.id, row.workspace_id, target, JSON.stringify({ events }), row.created_by, at.getTime()],
  });
  return row.id;
}

async function failedMessage(reason = "refused") {
  const { body } = await text(world.edge);
  await connector.claim(body.id, session);
  await connector.failed(body.id, session, reason);
  return body.id;
}
const received = () => world.calls.splice(0).map(({ body }) => JSON.parse(body) as { type: string; data: object });

describe("the event message.failed", () => {
  it("reaches an endpoint that subscribes to it, signed, when the connector has reported it", async () => {
    await subscribe(["message.failed"]);
    const messageId = await failedMessage();
    expect(await world.deliver()).toEqual([200]);
    const [call] = world.calls;
    expect(call?.url).toBe("https://app.example.com/hook");
    const now = world.edge.services.now();
    const headers = new Headers(call?.headers);
    expect(await verifyWebhook({ secrets: [secret], headers, body: call?.body ?? "", now })).toBe(true);
    expect(received()).toEqual([
      {
        type: "message.failed",
        timestamp: now.toISOString(),
        data: {
          id: expect.stringMatching(/^evt_/) as string,
          workspaceId: world.edge.workspace.id,
          sessionId: session,
          messageId,
          verificationId: null,
          at: now.toISOString(),
          test: false,
          data: { reason: "refused" },
        },
      },
    ]);
    expect(await rows("SELECT status, attempts FROM delivery")).toEqual([{ status: "delivered", attempts: 1 }]);
  });

  it("is stored with its job in the batch of the event: cron publishes it when QStash was away", async () => {
    await subscribe(["message.failed"]);
    world.edge.queueIsDown = true;
    await failedMessage();
    expect(await rows("SELECT kind FROM job WHERE subject_id LIKE 'dlv_%'")).toEqual([{ kind: "delivery" }]);
    world.edge.queueIsDown = false;
    expect(await world.deliver()).toEqual([]);
    world.edge.advance(15_000);
    await world.cron();
    expect(await world.deliver()).toEqual([200]);
  });

  it("is repeated with the same id until the endpoint takes it", async () => {
    await subscribe(["message.failed"]);
    await failedMessage();
    world.answers.push({ status: 503, retryAfter: "20", text: "" });
    const job = world.edge.jobs.findLast(({ kind }) => kind === "delivery");
    expect(await world.deliver()).toEqual([503]);
    world.edge.advance(20_000);
    world.edge.jobs.push(job!);
    expect(await world.deliver()).toEqual([200]);
    const ids = world.calls.map(({ headers }) => headers["webhook-id"]);
    expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
    expect(await rows("SELECT status, attempts, last_status FROM delivery")).toEqual([
      { status: "delivered", attempts: 2, last_status: 204 },
    ]);
  });

  it("is one delivery, however often the connector reports it and cron looks", async () => {
    await subscribe(["*"]);
    const messageId = await failedMessage();
    await connector.failed(messageId, session, "refused");
    await world.cron();
    await world.deliver();
    expect(received().filter(({ type }) => type === "message.failed")).toHaveLength(1);
  });

  it("of a message that expired reaches the endpoint through cron", async () => {
    await subscribe(["message.failed"]);
    await text(world.edge);
    world.edge.advance(25 * 3600_000);
    await world.cron();
    await world.deliver();
    expect(received()).toMatchObject([{ type: "message.failed", data: { data: { reason: "expired" } } }]);
  });

  it("waits while the endpoint is paused", async () => {
    const id = await subscribe(["message.failed"]);
    await world.edge.client.execute(
      `UPDATE endpoint SET paused_at = 1, paused_because = 'requested' WHERE id = '${id}'`,
    );
    await failedMessage();
    await world.deliver();
    expect(received()).toEqual([]);
    await world.edge.client.execute(`UPDATE endpoint SET paused_at = NULL WHERE id = '${id}'`);
    world.edge.advance(15_000);
    await world.cron();
    await world.deliver();
    expect(received()).toHaveLength(1);
  });

  it("does not reach other workspaces, other subscriptions and endpoints that were made later", async () => {
    const stranger = await world.edge.addWorkspace();
    await subscribe(["*"], { workspace_id: stranger.id });
    await subscribe(["message.sent", "verification.*"]);
    await failedMessage();
    world.edge.advance(1);
    await subscribe(["*"]);
    await world.cron();
    expect(await rows("SELECT id FROM delivery")).toEqual([]);
  });

  it("does not tell a key without lookup:read that a number has no account", async () => {
    await world.edge.addKey(world.edge.workspace.id, ["message:send", "webhook:manage"]);
    const [key] = await rows("SELECT id FROM api_key ORDER BY rowid DESC LIMIT 1");
    await subscribe(["*"], { created_by: String(key?.["id"]) });
    const messageId = await failedMessage("not_on_whatsapp");
    await world.deliver();
    const events = received().filter(({ type }) => type !== "message.queued");
    expect(events).toMatchObject([{ type: "message.sent", data: { messageId, data: {} } }]);
    expect(JSON.stringify(events)).not.toContain("whatsapp");
  });

  it("has no number and no text", async () => {
    await subscribe(["*"]);
    await failedMessage();
    await world.deliver();
    const all = JSON.stringify([world.calls, await rows("SELECT * FROM delivery")]);
    expect(all).not.toContain(recipient.slice(1));
    expect(all).not.toContain("Selamat");
  });
});

it("an event of the sandbox is marked as a test, and one of a live key is not", async () => {
  await subscribe(["*"]);
  const key = await world.edge.addKey(world.edge.workspace.id, undefined, { environment: "test" });
  await world.edge.api("POST /v1/verifications", { to: "+99900000000" }, { key });
  await world.edge.api("POST /v1/verifications", { to: recipient });
  await world.cron();
  await world.deliver();
  const marks = received().map(({ type, data }) => `${type} ${(data as { test: boolean }).test}`);
  expect(new Set(marks)).toEqual(
    new Set([
      ...["verification.created", "message.queued", "message.sent", "message.delivered", "message.read"].map(
        (type) => `${type} true`,
      ),
      "verification.created false",
      "message.queued false",
    ]),
  );
});
