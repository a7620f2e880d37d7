import { replayPath, type WebhookReplay, type WebhookReplayList } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { advanceReplays } from "../src/webhooks/replay-cron.ts";
import { createReplay } from "../src/webhooks/create-replay.ts";
import { queueSignature } from "./alerts-world.ts";
import { useWebhooks } from "./use-webhooks.ts";
import type { Webhooks } from "./webhooks-world.ts";

const path = "/v1/webhooks";
let world: Webhooks;
useWebhooks((started) => (world = started));

const now = () => world.edge.services.now().getTime();
const iso = (ms: number) => new Date(ms).toISOString();
const always = { createdAfter: "2026-11-01T00:00:00.000Z", createdBefore: "2026-12-31T00:00:00.000Z" };
const begin = (id: string, more: object = {}, options: object = {}) =>
  world.edge.api<WebhookReplay>(`POST ${path}/${id}/replay`, { ...always, ...more }, options);
const read = async (id: string, replayId: string) =>
  (await world.edge.api<WebhookReplay>(`GET ${path}/${id}/replays/${replayId}`)).body;
/** Lets QStash call for replays and deliveries until nothing is due. */
async function run() {
  const { jobs, services } = world.edge;
  await world.edge.settled();
  for (;;) {
    const at = jobs.findIndex(({ kind }) => kind === "replay");
    const [job] = at < 0 ? [] : jobs.splice(at, 1);
    if (job?.kind !== "replay") break;
    const body = JSON.stringify(job.body);
    const signature = queueSignature(body, services.now(), { sub: `https://api.test${replayPath}` });
    const headers = { "upstash-signature": signature, "content-type": "application/json" };
    expect((await world.edge.api(`POST ${replayPath}`, body, { key: null, headers })).status).toBe(200);
    await world.edge.settled();
  }
  await world.run(now());
}
const replayed = () => world.calls.splice(0).map(({ headers }) => [headers["webhook-id"], headers["webhook-replay"]]);
const queued = async () =>
  (await world.edge.rows("SELECT subject_id FROM delivery WHERE is_replay = 1")).map((row) => row["subject_id"]);
const cron = async () => {
  await advanceReplays(world.edge.services);
  await world.edge.settled();
};
/** In an order of their own: QStash calls in any. */
const sorted = (calls: unknown[][]) => calls.toSorted(([a], [b]) => String(a).localeCompare(String(b)));
const eventIds = async (type = "message.failed") =>
  (await world.edge.rows("SELECT id FROM event WHERE type = ? ORDER BY seq", type)).map((row) => row["id"]);

describe("a replay", () => {
  it("gives a new webhook what happened before it was made, once, and shows how far it is", async () => {
    await world.failedMessage();
    await world.failedMessage();
    world.edge.advance(1_000);
    const id = await world.subscribe(["message.failed"]);
    const { status, body, headers } = await begin(id);
    expect([status, body]).toMatchObject([
      202,
      { id: expect.stringMatching(/^rpl_/) as string, webhookId: id, ...always, state: "running", queued: 0 },
    ]);
    expect(headers.get("location")).toBe(`${path}/${id}/replays/${body.id}`);
    await run();
    expect(sorted(replayed())).toEqual(sorted((await eventIds()).map((event) => [event, "true"])));
    expect(await read(id, body.id)).toMatchObject({ state: "finished", queued: 2, finishedAt: iso(now()) });
    const { body: list } = await world.edge.api<WebhookReplayList>(`GET ${path}/${id}/replays`);
    expect(list).toEqual({ replays: [await read(id, body.id)], nextCursor: null });
  });

  it("sends again what was delivered, each time that it is asked for, with the same id", async () => {
    const id = await world.subscribe(["message.*"]);
    await world.failedMessage();
    await run();
    const sent = replayed().map(([event]) => event);
    for (let time = 0; time < 2; time++) {
      await begin(id);
      await run();
      expect(sorted(replayed())).toEqual(sorted(sent.map((event) => [event, "true"])));
      world.edge.advance(1);
    }
  });

  it("takes the events of its time only, and the types that are asked for", async () => {
    await world.failedMessage();
    world.edge.advance(60_000);
    const from = now();
    await world.failedMessage();
    world.edge.advance(60_000);
    const until = now();
    await world.failedMessage();
    const id = await world.subscribe(["message.*"]);
    const [, second] = await eventIds();
    const range = { createdAfter: iso(from), createdBefore: iso(until) };
    await begin(id, { ...range, types: ["message.failed", "message.read"] });
    await run();
    expect(replayed()).toEqual([[second, "true"]]);
    await begin(id, { ...range, types: ["verification.created"] });
    await run();
    expect(replayed()).toEqual([]);
  });

  it("takes what the webhook's filters let through: types, sessions, and its side of the sandbox", async () => {
    await world.failedMessage();
    const other = await world.edge.addSession();
    const ids = [
      await world.subscribe(["verification.*"]),
      await world.subscribe(["message.*"], { sessionIds: [other] }),
      await world.subscribe(["*"], { isTest: true }),
    ];
    const test = await world.edge.addKey(world.edge.workspace.id, undefined, { environment: "test" });
    for (const [i, id] of ids.entries()) await begin(id, {}, i === 2 ? { key: test } : {});
    await run();
    expect(replayed()).toEqual([]);
  });

  it("with `status: failed` takes only what has failed for good", async () => {
    const id = await world.subscribe(["message.failed"]);
    await world.failedMessage();
    await run();
    world.calls.splice(0);
    world.edge.target = () => ({ status: 500, retryAfter: null, text: "" });
    await world.failedMessage();
    await world.run(now());
    await world.edge.client.execute("UPDATE delivery SET status = 'failed' WHERE status = 'queued'");
    await world.failedMessage();
    await world.run(now());
    world.edge.target = (call) => {
      world.calls.push(call);
      return { status: 204, retryAfter: null, text: "" };
    };
    world.edge.jobs.splice(0);
    const { body } = await begin(id, { status: "failed" });
    await run();
    expect(replayed()).toEqual([[(await eventIds())[1], "true"]]);
    expect(await read(id, body.id)).toMatchObject({ status: "failed", queued: 1 });
  });

  it("leaves out what still waits, and what the workspace's deliveries have not come to", async () => {
    const id = await world.subscribe(["message.failed"]);
    await world.edge.api(`PATCH ${path}/${id}`, { isPaused: true });
    await world.failedMessage();
    await world.edge.client.execute("UPDATE webhook_position SET seq = (SELECT max(seq) FROM event)");
    const [position] = await world.edge.rows("SELECT seq FROM webhook_position");
    await world.edge.client.execute(`INSERT INTO event (id, workspace_id, type, data, at)
      VALUES ('evt_late', '${world.edge.workspace.id}', 'message.failed', '{}', ${now()})`);
    const { body } = await begin(id);
    expect(await world.edge.rows("SELECT until_seq AS seq FROM replay")).toEqual([position]);
    await run();
    expect(await read(id, body.id)).toMatchObject({ state: "finished", queued: 0 });
    expect(await world.edge.rows("SELECT DISTINCT is_replay FROM delivery")).toEqual([{ is_replay: 0 }]);
  });

  it("begins once for each Idempotency-Key, and only so many run at a time", async () => {
    const id = await world.subscribe(["*"]);
    const headers = { "idempotency-key": "one" };
    const first = await begin(id, {}, { headers });
    await world.edge.settled();
    const again = await begin(id, {}, { headers });
    expect([again.body, again.headers.get("idempotent-replayed")]).toEqual([first.body, "true"]);
    const ctx = await world.edge.contextOf();
    await expect(
      createReplay(ctx, { webhookId: id, input: always, idempotencyKey: undefined }, 1),
    ).rejects.toMatchObject({ code: "replay-limit-reached" });
    expect(await world.edge.count("replay")).toBe(1);
  });

  it("is listed with the others of its webhook, newest first, in pages", async () => {
    const id = await world.subscribe(["*"]);
    const made: string[] = [];
    for (let i = 0; i < 3; i++) {
      world.edge.advance(1);
      made.unshift((await begin(id)).body.id);
    }
    const page = async (query: string) =>
      (await world.edge.api<WebhookReplayList>(`GET ${path}/${id}/replays?limit=2${query}`)).body;
    const first = await page("");
    expect(first.replays.map((each) => each.id)).toEqual(made.slice(0, 2));
    const second = await page(`&cursor=${first.nextCursor}`);
    expect([second.replays.map((each) => each.id), second.nextCursor]).toEqual([made.slice(2), null]);
  });

  it.each([
    [{ createdBefore: "2026-11-01T00:00:00.000Z" }, "/createdBefore"],
    [{ createdAfter: "yesterday" }, "/createdAfter"],
    [{ status: "delivered" }, "/status"],
    [{ types: [] }, "/types"],
  ])("is refused with %j, which names the field", async (more, pointer) => {
    const id = await world.subscribe(["*"]);
    const { status, body } = await begin(id, more);
    expect([status, body.errors?.map((error) => error.pointer)]).toEqual([400, [pointer]]);
  });
});

describe("a replay of many events", () => {
  const many = 2_500;
  const fill = (count = many) =>
    world.edge.client.execute(`INSERT INTO event (id, workspace_id, type, data, at, session_id)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
      SELECT 'evt_' || printf('%026d', i), '${world.edge.workspace.id}', 'session.limits', '{}', ${now()} + i,
        '${world.session}' FROM n`);
  it("queues each once, though answers of the database are lost and its workers die", async () => {
    await fill();
    const id = await world.subscribe(["session.limits"]);
    world.edge.queueIsDown = true;
    const { body } = await begin(id, {});
    await world.edge.settled();
    const { db } = world.edge.services;
    let writes = 0;
    world.edge.services.db = {
      ...db,
      write: (async (queries: Parameters<typeof db.write>[0]) => {
        const results = await db.write(queries);
        writes++;
        if (writes % 2 === 1) throw new DatabaseFetchError("lost");
        return results;
      }) as typeof db.write,
    };
    for (let tries = 0; tries < 20 && (await read(id, body.id)).state === "running"; tries++) {
      await cron();
      await world.edge.client.execute("UPDATE delivery SET status = 'delivered'");
      // A dead worker leaves its lease behind.
      await world.edge.client.execute(`UPDATE replay SET due_at = ${now() + 60_000} WHERE due_at IS NOT NULL`);
      world.edge.advance(59_999);
      const before = writes;
      await cron();
      expect(writes).toBe(before);
      world.edge.advance(1);
    }
    expect(writes).toBe(3);
    const ids = await queued();
    expect([ids.length, new Set(ids).size]).toEqual([many, many]);
    expect(await read(id, body.id)).toMatchObject({ state: "finished", queued: many });
  });

  it("waits while too many deliveries of the webhook wait", async () => {
    await fill(3_500);
    const id = await world.subscribe(["session.limits"]);
    const { body } = await begin(id, {});
    await cron();
    await cron();
    expect(await read(id, body.id)).toMatchObject({ state: "running", queued: 2_999 });
    await world.edge.client.execute("UPDATE delivery SET status = 'delivered'");
    await cron();
    expect((await read(id, body.id)).queued).toBe(2_999);
    world.edge.advance(15_000);
    await cron();
    expect(await read(id, body.id)).toMatchObject({ state: "finished", queued: 3_500 });
  });

  it("looks at all of them if the time has too many to find their range", async () => {
    await fill(6_000);
    const id = await world.subscribe(["session.limits"]);
    const { body } = await begin(id, { createdAfter: iso(now()), createdBefore: iso(now() + 5_501) });
    expect(await world.edge.rows("SELECT after_seq FROM replay")).toEqual([{ after_seq: 0 }]);
    for (let tries = 0; tries < 10 && (await read(id, body.id)).state === "running"; tries++) {
      await cron();
      await world.edge.client.execute("UPDATE delivery SET status = 'delivered'");
      world.edge.advance(15_000);
    }
    expect(await read(id, body.id)).toMatchObject({ state: "finished", queued: 5_500 });
  });

  it("does what it is asked by QStash only", async () => {
    const id = await world.subscribe(["*"]);
    const { body } = await begin(id);
    const request = JSON.stringify({ replayId: body.id });
    for (const headers of [{}, { "upstash-signature": queueSignature(request, world.edge.services.now()) }]) {
      const answer = await world.edge.api(`POST ${replayPath}`, request, { key: null, headers });
      expect([answer.status, answer.body.code]).toEqual([401, "signature-invalid"]);
    }
  });
});

it("a replay is of its webhook only: another webhook's, another workspace's and nobody's are not found", async () => {
  const [id, other] = [await world.subscribe(["*"]), await world.subscribe(["*"])];
  const { body } = await begin(id);
  const stranger = (await world.edge.addWorkspace()).key;
  const get = (webhook: string, replay: string, options: object = {}) =>
    world.edge.api(`GET ${path}/${webhook}/replays/${replay}`, undefined, options);
  const answers = [
    await get(other, body.id),
    await get(id, "rpl_01jd3k9v7hq2w8x5n4b6m0c1ta"),
    await get(id, "nonsense"),
    await get(id, body.id, { key: stranger }),
    await world.edge.api(`GET ${path}/${id}/replays`, undefined, { key: stranger }),
    await begin(id, {}, { key: stranger }),
  ];
  expect(answers.map(({ status, body: problem }) => [status, problem.code])).toEqual([
    [404, "replay-not-found"],
    [404, "replay-not-found"],
    [404, "replay-not-found"],
    [404, "webhook-not-found"],
    [404, "webhook-not-found"],
    [404, "webhook-not-found"],
  ]);
  expect(await world.edge.count("replay")).toBe(1);
});
