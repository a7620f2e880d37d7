import { describe, expect, it } from "vitest";
import type { TargetAnswer } from "../src/services.ts";
import { text } from "./senders.ts";
import { useWebhooks } from "./use-webhooks.ts";
import type { Webhooks } from "./webhooks-world.ts";

const minute = 60_000;
let world: Webhooks;
useWebhooks((started) => (world = started));

const rows = (query: string) => world.edge.rows(query);
const time = () => world.edge.services.now().getTime();
const published = () => world.edge.jobs.filter(({ kind }) => kind === "delivery").length;
const answer = (status: number): TargetAnswer => ({ status, retryAfter: null, text: "" });
const sequences = () => world.received().map(({ event }) => event.sequence);
/** Queues messages of a session, all events of which wait for their deliveries. */
async function queueTexts(count: number, sessionId: string) {
  for (let i = 0; i < count; i++) {
    await text(world.edge, { sessionId, to: `+62812345678${10 + i}` });
    world.edge.advance(1);
  }
  await world.edge.settled();
}

describe("an ordered endpoint", () => {
  it("gets a burst of one session in its order, one at a time, with one call of QStash", async () => {
    let underWay = 0;
    world.edge.target = async (call) => {
      expect(underWay++).toBe(0);
      await Promise.resolve();
      world.calls.push(call);
      underWay--;
      return answer(204);
    };
    await world.subscribe(["message.queued"], { isOrdered: true });
    await queueTexts(8, world.session);
    expect([await world.edge.count("delivery"), published()]).toEqual([8, 1]);
    expect(await world.deliver()).toEqual([200]);
    const got = sequences();
    expect(got).toEqual(got.toSorted((a, b) => a - b));
    expect([got.length, published()]).toEqual([8, 0]);
    expect(await rows("SELECT subject_id FROM job WHERE kind = 'delivery'")).toEqual([]);
  });

  it("leaves the rest of a long burst to the next call of QStash", async () => {
    world.edge.target = (call) => {
      world.calls.push(call);
      world.edge.advance(6_000);
      return answer(204);
    };
    await world.subscribe(["message.queued"], { isOrdered: true });
    await queueTexts(5, world.session);
    await world.deliver();
    expect([world.calls.length, published()]).toEqual([2, 1]);
    await world.deliver();
    await world.deliver();
    expect([world.calls.length, published()]).toEqual([5, 0]);
  });

  it("holds up only the session whose oldest event fails, until that one has failed", async () => {
    const other = await world.edge.addSession();
    await world.subscribe(["message.queued"], { isOrdered: true });
    await queueTexts(3, world.session);
    await queueTexts(3, other);
    const [{ first } = {}] = await rows(`SELECT min(seq) AS first FROM event WHERE type = 'message.queued'`);
    world.edge.target = (call) => {
      if ((JSON.parse(call.body) as { sequence: number }).sequence === first) return answer(500);
      world.calls.push(call);
      return answer(204);
    };
    await world.run(time() + minute);
    const early = world.received();
    expect(early.map(({ event }) => (event as { sessionId?: string }).sessionId)).toEqual([other, other, other]);
    await world.run(time() + 72 * 60 * minute);
    const late = sequences();
    expect(late).toHaveLength(2);
    expect(late).toEqual(late.toSorted((a, b) => a - b));
    expect(await rows("SELECT status, count(*) AS n FROM delivery GROUP BY status ORDER BY status")).toEqual([
      { status: "delivered", n: 5 },
      { status: "failed", n: 1 },
    ]);
  });

  it("does not send a later event of a session when QStash calls for it too early", async () => {
    await world.subscribe(["message.queued"], { isOrdered: true });
    await queueTexts(2, world.session);
    const [, second] = await rows("SELECT id FROM delivery ORDER BY event_seq");
    expect((await world.knock(String(second?.["id"]))).body).toEqual({ outcome: "nothing" });
    expect(world.calls).toEqual([]);
  });

  it("goes on after a request that died between two deliveries", async () => {
    await world.subscribe(["message.queued"], { isOrdered: true });
    await queueTexts(3, world.session);
    const { db } = world.edge.services;
    const answers = [answer(204), new Error("the process ends here")];
    world.edge.target = (call) => {
      world.calls.push(call);
      const given = answers.shift() ?? answer(204);
      if (given instanceof Error) world.edge.services.db = { ...db, write: () => Promise.reject(given) };
      return given instanceof Error ? answer(204) : given;
    };
    await world.deliver();
    world.edge.services.db = db;
    world.edge.advance(minute);
    await world.cron();
    await world.run(time() + minute);
    const got = world.received();
    // The second one arrived, but nobody could note it: it comes again, with the same id.
    expect(got.map(({ event }) => event.sequence)).toEqual(
      got.map(({ event }) => event.sequence).toSorted((a, b) => a - b),
    );
    expect([got.length, new Set(got.map(({ id }) => id)).size]).toEqual([4, 3]);
    expect(await rows("SELECT DISTINCT status FROM delivery")).toEqual([{ status: "delivered" }]);
  });
});

describe("an endpoint without order", () => {
  it("has a call of QStash for each event, and one that fails holds up none", async () => {
    await world.subscribe(["message.queued"]);
    await queueTexts(3, world.session);
    expect(published()).toBe(3);
    let isFirst = true;
    world.edge.target = (call) => {
      const status = isFirst ? 500 : 204;
      isFirst = false;
      if (status === 204) world.calls.push(call);
      return answer(status);
    };
    await world.deliver();
    expect(sequences()).toHaveLength(2);
  });
});

describe("an event that was hidden or deleted since", () => {
  it("is not delivered, and what is behind it is", async () => {
    await world.subscribe(["message.queued"], { isOrdered: true });
    await queueTexts(3, world.session);
    await world.edge.client.execute("DELETE FROM event WHERE seq = (SELECT min(event_seq) FROM delivery)");
    await world.deliver();
    expect([sequences().length, await world.edge.count("delivery"), published()]).toEqual([2, 2, 0]);
  });
});
