import type {
  RotatedWebhookSecret,
  Webhook as ShownWebhook,
  WebhookDelivery,
  WebhookDeliveryDetail,
  WebhookDeliveryList,
  WebhookStats,
  WebhookTest,
} from "@sandi/contracts";
import { generateWebhookSecret, webRandom } from "@sandi/crypto";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useWebhooks } from "./use-webhooks.ts";
import { secret, type Webhooks } from "./webhooks-world.ts";

const path = "/v1/webhooks";
let world: Webhooks;
let id: string;

useWebhooks((started) => (world = started));
beforeEach(async () => {
  id = await world.subscribe(["message.failed"]);
});

const now = () => world.edge.services.now().getTime();
const api = <Body>(request: string, body?: object, options: object = {}) =>
  world.edge.api<Body>(request.replace(" ", ` ${path}/${id}`), body, options);
const list = async (query = "") => (await api<WebhookDeliveryList>(`GET /deliveries${query}`)).body.deliveries;
const ids = async (query: string) => (await list(query)).map((each) => each.id);
const answer = (status: number, text: string) => world.answers.push({ status, text, retryAfter: null });

async function delivered(): Promise<WebhookDelivery> {
  // Ids begin with the time, and lists are in their order.
  world.edge.advance(1);
  await world.failedMessage();
  await world.run(now());
  const [newest] = await list();
  if (!newest) throw new Error("there is no delivery");
  return newest;
}

describe("a test of a webhook", () => {
  it("answers what the address said, also while the webhook is paused, and is in its log", async () => {
    await api("PATCH ", { isPaused: true });
    answer(500, "no database");
    const { status, body } = await api<WebhookTest>("POST /test");
    expect([status, body]).toMatchObject([200, { status: "failed", lastStatus: 500, error: "server_error" }]);
    expect(body.durationMs).toBeGreaterThanOrEqual(0);
    expect(body.answer).toBe("no database");
    expect(world.received()).toMatchObject([{ event: { type: "webhook.test" } }]);
    const { body: detail } = await api<WebhookDeliveryDetail>(`GET /deliveries/${body.id}`);
    expect(detail).toMatchObject({ type: "test", eventId: null, attempts: 1, log: [{ number: 1, status: 500 }] });
    expect(detail.log[0]?.answer).toBe(body.answer);
    expect((await api<WebhookTest>("POST /test")).body).toMatchObject({
      status: "delivered",
      lastStatus: 204,
      answer: null,
    });
  });

  it("is not repeated by hand", async () => {
    const { body } = await api<WebhookTest>("POST /test");
    expect((await api(`POST /deliveries/${body.id}/retry`)).body).toMatchObject({ code: "delivery-not-ended" });
  });
});

it("a test whose request died is sent once more, and its failure is not counted", async () => {
  const { edge } = world;
  const deliveryId = `dlv_${"0".repeat(26)}`;
  await edge.rows(`INSERT INTO delivery (id, workspace_id, endpoint_id, type, attempts, created_at)
    VALUES ('${deliveryId}', '${edge.workspace.id}', '${id}', 'test', 1, ${now()})`);
  answer(500, "");
  expect((await world.knock(deliveryId)).status).toBe(200);
  await edge.settled();
  expect(await list()).toMatchObject([{ type: "test", status: "failed", attempts: 2, nextAttemptAt: null }]);
  expect((await api<ShownWebhook>("GET ")).body).toMatchObject({ failuresInRow: 0, failingSince: null });
  expect(edge.jobs.filter(({ kind }) => kind === "delivery")).toEqual([]);
});

describe("the deliveries of a webhook", () => {
  it("have every attempt with what the address answered", async () => {
    answer(503, "busy");
    answer(200, "");
    const first = await delivered();
    expect(first).toMatchObject({ type: "message.failed", status: "queued", attempts: 1, lastStatus: 503 });
    expect(Date.parse(first.nextAttemptAt ?? "")).toBe(now() + 5_000);
    await world.run(now() + 5_000);
    const { body } = await api<WebhookDeliveryDetail>(`GET /deliveries/${first.id}`);
    expect(body).toMatchObject({
      eventId: first.eventId,
      status: "delivered",
      attempts: 2,
      lastStatus: 200,
      error: null,
      isReplay: false,
      nextAttemptAt: null,
      log: [
        { number: 2, status: 200, error: null, answer: null },
        { number: 1, status: 503, error: "server_error", answer: "busy" },
      ],
    });
    const stored = await world.edge.rows("SELECT answer FROM delivery_attempt WHERE answer IS NOT NULL");
    expect(stored).toHaveLength(1);
    expect(JSON.stringify(stored)).not.toContain("busy");
  });

  it("are listed newest first, in pages, by status, type, event and time", async () => {
    answer(204, "");
    const one = await delivered();
    world.edge.advance(1_000);
    answer(500, "");
    const two = await delivered();
    world.edge.advance(1_000);
    const three = await delivered();
    expect(await ids("")).toEqual([three.id, two.id, one.id]);
    const { body: page } = await api<WebhookDeliveryList>("GET /deliveries?limit=2");
    expect(page.nextCursor).toBe(two.id);
    expect(await ids(`?limit=2&cursor=${page.nextCursor}`)).toEqual([one.id]);
    expect(await ids("?status=queued")).toEqual([two.id]);
    expect(await ids("?status=delivered")).toEqual([three.id, one.id]);
    expect(await ids(`?eventId=${two.eventId}`)).toEqual([two.id]);
    expect(await ids(`?eventId=${two.eventId}&status=delivered`)).toEqual([]);
    expect(await ids("?type=message.failed")).toHaveLength(3);
    expect(await ids("?type=message.sent")).toEqual([]);
    expect(await ids(`?createdAfter=${one.createdAt}`)).toEqual([three.id, two.id]);
    expect(await ids(`?createdBefore=${three.createdAt}`)).toEqual([two.id, one.id]);
    expect(await ids(`?createdAfter=${one.createdAt}&createdBefore=${three.createdAt}`)).toEqual([two.id]);
  });

  it("are deleted up to a time once they have ended; those that wait stay", async () => {
    answer(204, "");
    await delivered();
    answer(500, "");
    const waiting = await delivered();
    world.edge.advance(1_000);
    const before = new Date(now()).toISOString();
    const later = await delivered();
    const request = `DELETE /deliveries?createdBefore=${before}`;
    expect((await api(request)).body).toEqual({ deleted: 1, hasMore: false });
    expect((await list()).map((each) => each.id)).toEqual([later.id, waiting.id]);
    expect((await api(request)).body).toEqual({ deleted: 0, hasMore: false });
    const actions = await world.edge.rows("SELECT action FROM audit WHERE action = 'webhook.deliveries_deleted'");
    expect(actions).toHaveLength(1);
    expect((await api("DELETE /deliveries")).body.errors?.[0]?.pointer).toBe("query/createdBefore");
  });
});

it("a webhook with many deliveries is deleted in several transactions, so that others need not wait", async () => {
  const { edge } = world;
  await edge.client.execute(`INSERT INTO delivery (id, workspace_id, endpoint_id, type, status, created_at)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)
    SELECT 'dlv_' || printf('%026d', i), '${edge.workspace.id}', '${id}', 'test', 'delivered', 1 FROM n`);
  const { db } = edge.services;
  const left: number[] = [];
  edge.services.db = {
    ...db,
    write: (async (queries: Parameters<typeof db.write>[0]) => {
      const results = await db.write(queries);
      left.push(await edge.count("delivery"));
      return results;
    }) as typeof db.write,
  };
  expect((await api("DELETE ")).status).toBe(204);
  expect(left.slice(0, 3)).toEqual([2_500, 500, 0]);
  expect(await edge.count("endpoint")).toBe(0);
});

describe("a retry by hand", () => {
  it("sends an event again with its id and a header that says so, once for each Idempotency-Key", async () => {
    const { id: deliveryId, eventId } = await delivered();
    expect(world.calls.splice(0)[0]?.headers["webhook-replay"]).toBeUndefined();
    const options = { headers: { "idempotency-key": "again" } };
    const request = `POST /deliveries/${deliveryId}/retry`;
    const { status, body } = await api<WebhookDelivery>(request, undefined, options);
    expect([status, body]).toMatchObject([
      202,
      { id: deliveryId, status: "queued", isReplay: true, deliveredAt: null },
    ]);
    await world.edge.settled();
    await world.run(now());
    expect((await api(request, undefined, options)).headers.get("idempotent-replayed")).toBe("true");
    await world.run(now());
    expect(world.calls.map(({ headers }) => [headers["webhook-id"], headers["webhook-replay"]])).toEqual([
      [eventId, "true"],
    ]);
    expect(await list()).toMatchObject([{ id: deliveryId, status: "delivered", attempts: 2 }]);
  });

  it("is refused while the delivery waits", async () => {
    answer(500, "");
    const { id: deliveryId } = await delivered();
    const before = await world.edge.rows("SELECT * FROM delivery");
    const { status, body } = await api(`POST /deliveries/${deliveryId}/retry`);
    expect([status, body.code]).toEqual([409, "delivery-not-ended"]);
    expect(await world.edge.rows("SELECT * FROM delivery")).toEqual(before);
  });
});

describe("a paused webhook", () => {
  it("holds its events, and sends them as soon as it is resumed", async () => {
    await api("PATCH ", { isPaused: true });
    await world.failedMessage();
    await world.run(now() + 3_600_000);
    expect([world.received(), await list()]).toMatchObject([[], [{ status: "queued" }]]);
    world.edge.jobs.splice(0);
    await api("PATCH ", { isPaused: false });
    await world.edge.settled();
    await world.run(now());
    expect(world.received()).toMatchObject([{ event: { type: "message.failed" } }]);
  });

  it("that is resumed sends what waits for its next attempt at once", async () => {
    answer(500, "");
    expect(await delivered()).toMatchObject({ status: "queued", attempts: 1 });
    await api("PATCH ", { isPaused: true });
    world.edge.jobs.splice(0);
    await api("PATCH ", { isPaused: false });
    await world.edge.settled();
    await world.run(now());
    expect(await list()).toMatchObject([{ status: "delivered", attempts: 2 }]);
  });

  it("that was paused by the address sends what waited, and its incident ends", async () => {
    world.edge.target = () => ({ status: 410, retryAfter: null, text: "" });
    await delivered();
    expect((await api("GET ")).body).toMatchObject({ pausedBecause: "gone" });
    const open = async () =>
      (await world.edge.api<{ incidents: object[] }>("GET /v1/incidents?state=open")).body.incidents;
    expect(await open()).toMatchObject([{ kind: "webhook_paused", webhookId: id }]);
    world.edge.target = () => ({ status: 204, retryAfter: null, text: "" });
    expect((await api("PATCH ", { isPaused: false })).body).toMatchObject({ pausedAt: null, failuresInRow: 0 });
    await world.edge.settled();
    await world.run(now());
    expect([await list(), await open()]).toMatchObject([[{ status: "delivered", attempts: 2 }], []]);
  });
});

describe("the statistics of a webhook", () => {
  it("count attempts, errors and latencies, in total and by hour, without tests", async () => {
    await api("POST /test");
    answer(500, "");
    answer(204, "");
    await delivered();
    await world.run(now() + 3_600_000);
    await delivered();
    const { body } = await api<WebhookStats>("GET /stats");
    expect(body.total).toMatchObject({ attempts: 3, delivered: 2, successRate: 2 / 3, errors: { server_error: 1 } });
    expect(body.total.latencies?.p99).toBeGreaterThan(0);
    expect(body.hours.map(({ at, attempts }) => [at, attempts])).toEqual([
      ["2026-11-21T08:00:00.000Z", 2],
      ["2026-11-21T09:00:00.000Z", 1],
    ]);
    const { body: early } = await api<WebhookStats>("GET /stats?to=2026-11-21T09:00:00.000Z");
    expect([early.total.attempts, early.hours.length]).toEqual([2, 1]);
    const { body: none } = await api<WebhookStats>("GET /stats?from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z");
    expect(none.total).toEqual({ attempts: 0, delivered: 0, successRate: null, errors: {}, latencies: null });
  });

  it("refuses a range that is empty or too long", async () => {
    for (const query of [
      "?from=2026-11-21T09:00:00Z&to=2026-11-21T08:00:00Z",
      "?from=2026-01-01T00:00:00Z&to=2026-11-21T08:00:00Z",
    ]) {
      expect((await api(`GET /stats${query}`)).status).toBe(400);
    }
  });
});

describe("the library of Standard Webhooks", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("verifies what a webhook is sent, with both secrets during a rotation, and with nothing else", async () => {
    const { body: rotated } = await api<RotatedWebhookSecret>("POST /rotate-secret", {});
    await delivered();
    vi.setSystemTime(now());
    const [call] = world.calls;
    const { headers = {}, body = "" } = call ?? {};
    for (const each of [secret, rotated.secret ?? ""]) {
      expect(new Webhook(each).verify(body, headers)).toMatchObject({ type: "message.failed" });
    }
    expect(() => new Webhook(generateWebhookSecret(webRandom)).verify(body, headers)).toThrow();
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
  });
});

it("a delivery is of its webhook only: another webhook's, another workspace's and nobody's are not found", async () => {
  const { id: deliveryId } = await delivered();
  const other = await world.subscribe(["*"]);
  const stranger = (await world.edge.addWorkspace()).key;
  for (const route of ["", "/retry"]) {
    const method = route === "" ? "GET" : "POST";
    const request = (webhook: string, delivery: string) =>
      `${method} ${path}/${webhook}/deliveries/${delivery}${route}`;
    const answers = [
      await world.edge.api(request(other, deliveryId)),
      await world.edge.api(request(id, "dlv_01jd3k9v7hq2w8x5n4b6m0c1ta")),
      await world.edge.api(request(id, "nonsense")),
      await world.edge.api(request(id, deliveryId), undefined, { key: stranger }),
    ];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [404, "delivery-not-found"],
      [404, "delivery-not-found"],
      [404, "delivery-not-found"],
      [404, "webhook-not-found"],
    ]);
  }
  expect(await list()).toMatchObject([{ id: deliveryId, attempts: 1, isReplay: false }]);
});
