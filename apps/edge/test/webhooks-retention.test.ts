import { beforeEach, describe, expect, it } from "vitest";
import { useWebhooks } from "./use-webhooks.ts";
import type { Webhooks } from "./webhooks-world.ts";

const day = 24 * 3600_000;
let world: Webhooks;
useWebhooks((started) => (world = started));
beforeEach(async () => {
  await world.edge.client.execute("DELETE FROM event");
});

const rows = (query: string) => world.edge.rows(query);
const count = async (table: string) => (await rows(`SELECT count(*) AS n FROM ${table}`))[0]?.["n"];
const keep = (retentionDays: object) => world.edge.api("PATCH /v1/workspace", { policy: { retentionDays } });

describe("cron", () => {
  it.each([
    ["30 days", {}, 30],
    ["a day", { deliveries: 1, events: 1 }, 1],
    ["90 days", { deliveries: 90, events: 90 }, 90],
  ])("keeps deliveries with their attempts, and events, for %s as the policy says", async (_, retentionDays, days) => {
    await keep({ ...retentionDays, messages: 90 });
    await world.subscribe(["message.*"]);
    await world.failedMessage();
    await world.deliver();
    const kept = [await count("delivery"), await count("delivery_attempt"), await count("event")];
    expect(kept).toEqual([2, 2, 2]);
    world.edge.advance(days * day - 60_000);
    await world.cron();
    expect([await count("delivery"), await count("delivery_attempt"), await count("event")]).toEqual(kept);
    world.edge.advance(120_000);
    await world.cron();
    expect([await count("delivery"), await count("delivery_attempt"), await count("event")]).toEqual([0, 0, 0]);
  });

  it("deletes what waits for an endpoint that nobody resumes, and gives its lane's next delivery a job", async () => {
    await world.subscribe(["message.failed"], { isOrdered: true });
    await world.edge.client.execute("UPDATE endpoint SET paused_at = 1, paused_because = 'requested'");
    await world.failedMessage();
    world.edge.advance(29 * day);
    await world.failedMessage();
    world.edge.advance(2 * day);
    await world.cron();
    const [left, ...others] = await rows("SELECT id FROM delivery");
    expect(others).toEqual([]);
    await world.edge.client.execute("UPDATE endpoint SET paused_at = NULL");
    await world.cron();
    expect(world.edge.jobs.filter(({ kind }) => kind === "delivery")).toMatchObject([
      { body: { deliveryId: left?.["id"] } },
    ]);
  });

  it("keeps events that were stored late until their own time has passed", async () => {
    await keep({ events: 10 });
    const at = world.edge.services.now().getTime();
    for (const [i, age] of [0, 9, 1].entries()) {
      await world.edge.client.execute(
        `INSERT INTO event (id, workspace_id, type, session_id, data, at)
          VALUES ('evt_${i}', '${world.edge.workspace.id}', 'session.state', '${world.session}', '{}', ${at - age * day})`,
      );
    }
    world.edge.advance(2 * day);
    await world.cron();
    expect(await rows("SELECT id FROM event ORDER BY seq")).toEqual([{ id: "evt_0" }, { id: "evt_2" }]);
  });
});
