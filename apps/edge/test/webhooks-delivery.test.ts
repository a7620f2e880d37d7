import { beforeEach, describe, expect, it } from "vitest";
import { sql } from "kysely";
import { publishStored } from "../src/jobs/publish-soon.ts";
import { openAnswer } from "../src/outbound/attempts.ts";
import { deliveryJobs } from "../src/outbound/delivery.ts";
import { publishWaiting, queueAgain, releaseWaiting } from "../src/outbound/queue-again.ts";
import type { TargetAnswer } from "../src/services.ts";
import { useWebhooks } from "./use-webhooks.ts";
import type { Webhooks } from "./webhooks-world.ts";

const [second, minute, hour] = [1000, 60_000, 3600_000];
const day = 24 * hour;
let world: Webhooks;
useWebhooks((started) => (world = started));
beforeEach(() => {
  // QStash takes whole seconds.
  world.edge.advance(1000 - (time() % 1000));
});

const rows = (query: string) => world.edge.rows(query);
const time = () => world.edge.services.now().getTime();
const answer = (status: number, retryAfter: string | null = null): TargetAnswer => ({ status, retryAfter, text: "" });
const always = (what: () => TargetAnswer | Error) => {
  const times: number[] = [];
  world.edge.target = (call) => {
    world.calls.push(call);
    times.push(time());
    const given = what();
    if (given instanceof Error) throw given;
    return given;
  };
  return times;
};
/** The seconds between attempts. */
const waits = (times: number[]) => times.slice(1).map((at, i) => Math.round((at - (times[i] ?? 0)) / second));
const isPausedBecause = async (id: string) =>
  (await rows(`SELECT paused_because FROM endpoint WHERE id = '${id}'`))[0]?.["paused_because"];
const queueFailedAgain = async () => {
  const { db } = world.edge.services;
  const ids = (await rows("SELECT id FROM delivery WHERE status = 'failed'")).map((row) => String(row["id"]));
  await db.write(queueAgain(db, { which: sql`delivery.id IN (${sql.join(ids)})`, at: time() }));
  await publishStored(world.edge.services, deliveryJobs, ids);
  await world.edge.settled();
};
const resume = async (id: string) => {
  const { db } = world.edge.services;
  await db.write(releaseWaiting(db, { endpointId: id, at: time() }));
  await world.edge.client.execute(`UPDATE endpoint SET paused_at = NULL, paused_because = NULL WHERE id = '${id}'`);
  await publishWaiting(world.edge.services, id);
  await world.edge.settled();
};

describe("a delivery that fails", () => {
  it.each([
    ["an error of the receiver", answer(500), "server_error"],
    ["a redirect, which is not followed", answer(301), "redirected"],
    ["a refusal", answer(400), "refused"],
    ["a receiver that is not found", answer(404), "refused"],
    ["no connection", new TypeError("fetch failed"), "unreachable"],
    ["no answer within the time", new DOMException("late", "TimeoutError"), "timed_out"],
  ])("with %s is repeated by the schedule, and then has failed", async (_, given, error) => {
    await world.subscribe(["message.failed"]);
    await world.failedMessage();
    const times = always(() => given);
    await world.run(time() + 3 * day);
    expect(waits(times)).toEqual([5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600]);
    expect(new Set(world.received().map(({ id }) => id)).size).toBe(1);
    expect(await rows("SELECT status, attempts, failures, error FROM delivery")).toEqual([
      { status: "failed", attempts: 10, failures: 10, error },
    ]);
    expect(await rows("SELECT number, error FROM delivery_attempt")).toEqual(
      Array.from({ length: 10 }, (_each, i) => ({ number: i + 1, error })),
    );
    expect(await rows("SELECT count(*) AS n FROM job WHERE kind = 'delivery'")).toEqual([{ n: 0 }]);
  });

  it.each([
    ["429 with a longer wait", answer(429, "90"), [90, 90, 120, 600]],
    ["503 with a longer wait", answer(503, "60"), [60, 60, 120, 600]],
    ["429 with a shorter wait", answer(429, "1"), [5, 30, 120, 600]],
    ["500 with a wait, which does not count", answer(500, "90"), [5, 30, 120, 600]],
    ["429 with a wait of a month", answer(429, "2592000"), [86_400, 86_400, 86_400]],
    ["429 with what is no time", answer(429, "soon"), [5, 30, 120, 600]],
  ])("with %s waits as long as it has to", async (_, given, expected) => {
    await world.subscribe(["message.failed"]);
    await world.failedMessage();
    const times = always(() => given);
    await world.run(time() + 5 * day);
    expect(waits(times).slice(0, 4)).toEqual(expected);
  });

  it("with 429 and a date waits until then", async () => {
    await world.subscribe(["message.failed"]);
    await world.failedMessage();
    const until = new Date(time() + 100 * second);
    const times = always(() => answer(429, until.toUTCString()));
    await world.run(time() + minute + 50 * second);
    expect(times[1]).toBe(Math.floor(until.getTime() / second) * second);
  });

  it("is published by cron when QStash has lost it, and not before its time", async () => {
    await world.subscribe(["message.failed"]);
    await world.failedMessage();
    always(() => answer(500));
    expect(await world.deliver()).toEqual([200]);
    expect(world.edge.jobs.splice(0)).toMatchObject([{ kind: "delivery", notBefore: time() + 5 * second }]);
    world.edge.advance(4 * second);
    await world.cron();
    expect(world.edge.jobs).toEqual([]);
    world.edge.advance(31 * second);
    await world.cron();
    expect(world.edge.jobs).toMatchObject([{ kind: "delivery" }]);
  });

  it("is not sent by a call that comes early, and QStash calls again when it is only a little early", async () => {
    await world.subscribe(["message.failed"]);
    await world.failedMessage();
    const times = always(() => answer(500));
    const job = world.edge.jobs.find(({ kind }) => kind === "delivery");
    const id = job?.kind === "delivery" ? job.body.deliveryId : "";
    await world.knock(id);
    world.edge.advance(2 * second);
    const early = await world.knock(id);
    expect([early.status, early.headers.get("retry-after"), times.length]).toEqual([503, "3", 1]);
    world.edge.advance(3 * second);
    expect((await world.knock(id)).body).toEqual({ outcome: "retry", error: "server_error" });
    const tooEarly = await world.knock(id);
    expect([tooEarly.body, times.length]).toEqual([{ outcome: "nothing" }, 2]);
  });

  it("keeps the beginning of the receiver's answer, sealed", async () => {
    await world.subscribe(["message.failed"]);
    await world.failedMessage();
    always(() => ({ status: 500, retryAfter: null, text: "no such table: orders" }));
    await world.deliver();
    const [row] = await rows("SELECT delivery_id, answer FROM delivery_attempt");
    expect(String(row?.["answer"])).not.toContain("orders");
    const stored = { deliveryId: String(row?.["delivery_id"]), answer: String(row?.["answer"]) };
    expect(await openAnswer(world.edge.services, world.edge.workspace.id, stored)).toBe("no such table: orders");
  });
});

describe("a receiver that is down for three days", () => {
  it.each([
    ["in order, and failed ones when they are queued again", true],
    ["once", false],
  ])("gets everything %s after its endpoint was paused, reported and resumed", async (_, isOrdered) => {
    const { id: channel } = await world.addChannel();
    const endpoint = await world.subscribe(["message.failed"], { isOrdered });
    const ids: string[] = [];
    let isUp = false;
    const arrived: string[] = [];
    world.edge.target = (call) => {
      if (!call.url.includes("app.example.com")) return answer(200);
      if (!isUp) return answer(503);
      arrived.push((JSON.parse(call.body) as { messageId: string }).messageId);
      return answer(204);
    };
    const start = time();
    while (time() < start + 3 * day) {
      ids.push(await world.failedMessage());
      await world.run(time() + 4 * hour);
    }
    // The first attempt after three days.
    while ((await isPausedBecause(endpoint)) === null) await world.run(time() + hour);
    expect(await isPausedBecause(endpoint)).toBe("failures");
    expect(time() - start).toBeLessThanOrEqual(4 * day);
    expect((await world.incidents("?state=open")).incidents).toMatchObject([
      { kind: "webhook_paused", reason: "failures", webhookId: endpoint, channelId: null },
    ]);
    expect((await world.deliveries(channel)).filter(({ incidentId }) => incidentId !== null)).toHaveLength(1);
    isUp = true;
    ids.push(await world.failedMessage());
    await world.run(time() + hour);
    expect(arrived).toEqual([]);
    const dead = await rows("SELECT id, event_seq FROM delivery WHERE status = 'failed' AND event_seq IS NOT NULL");
    expect(dead.length).toBeGreaterThan(0);
    await resume(endpoint);
    await world.run(time() + minute);
    const lived = ids.slice(dead.length);
    expect(isOrdered ? arrived : arrived.toSorted()).toEqual(isOrdered ? lived : lived.toSorted());
    await queueFailedAgain();
    await world.run(time() + minute);
    expect(arrived.toSorted()).toEqual(ids.toSorted());
    expect(await rows("SELECT DISTINCT status FROM delivery WHERE event_seq IS NOT NULL")).toEqual([
      { status: "delivered" },
    ]);
    expect((await rows("SELECT id FROM delivery WHERE is_replay = 1")).length).toBe(dead.length);
  });

  it("is not paused after a success in between", async () => {
    const endpoint = await world.subscribe(["message.failed"]);
    let isUp = false;
    world.edge.target = () => (isUp ? answer(204) : answer(500));
    await world.failedMessage();
    await world.run(time() + 2 * day);
    isUp = true;
    await world.failedMessage();
    await world.run(time() + minute);
    isUp = false;
    await world.failedMessage();
    await world.run(time() + 2 * day);
    expect(await rows(`SELECT paused_at, failures_in_row > 0 AS fails FROM endpoint WHERE id = '${endpoint}'`)).toEqual(
      [{ paused_at: null, fails: 1 }],
    );
  });
});

describe("a receiver that answers 410", () => {
  it("has its endpoint paused at once; the delivery waits, and is sent when the endpoint is resumed", async () => {
    const endpoint = await world.subscribe(["message.failed"]);
    await world.failedMessage();
    const times = always(() => answer(times.length === 1 ? 410 : 204));
    await world.run(time() + hour);
    expect(await rows("SELECT status, last_status FROM delivery")).toEqual([{ status: "queued", last_status: 410 }]);
    expect(await rows("SELECT paused_because FROM endpoint")).toEqual([{ paused_because: "gone" }]);
    expect((await world.incidents("?state=open")).incidents).toMatchObject([
      { kind: "webhook_paused", reason: "gone" },
    ]);
    await world.failedMessage();
    await world.run(time() + hour);
    expect(times).toHaveLength(1);
    await resume(endpoint);
    await world.run(time() + minute);
    expect(new Set(world.received().map(({ id }) => id)).size).toBe(2);
    expect(await rows("SELECT DISTINCT status FROM delivery")).toEqual([{ status: "delivered" }]);
  });
});

describe("an address that is not public", () => {
  it.each(["https://10.0.0.1/hook", "https://localhost/hook", "http://app.example.com/hook", "https://[::1]/hook"])(
    "such as %s is not called, also if it was stored",
    async (url) => {
      await world.subscribe(["message.failed"], { url });
      await world.failedMessage();
      await world.deliver();
      expect(world.calls).toEqual([]);
      expect(await rows("SELECT status, error FROM delivery_attempt")).toEqual([
        { status: null, error: "not_allowed" },
      ]);
    },
  );
});
