import { afterEach, beforeEach, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { without } from "./events-world.ts";
import { keysOf } from "./keys-of.ts";
import { startWebhooks, type Webhooks } from "./webhooks-world.ts";

const hour = 3600_000;
let world: Webhooks;
beforeEach(async () => {
  world = await startWebhooks();
  world.edge.advance(1000 - (now() % 1000));
});
afterEach(async () => {
  await world.edge.settled();
  world.edge.close();
});
const now = () => world.edge.services.now().getTime();
const deliveries = () => world.edge.rows("SELECT status, error, attempts FROM delivery ORDER BY event_seq");
const { idOf } = keysOf(() => world.edge);

it.each([
  ["an event whose data cannot be read", "UPDATE event SET data = 'no JSON' WHERE type = 'message.failed'"],
  [
    "an event of a type that this edge does not know",
    "UPDATE event SET type = 'message.new' WHERE type = 'message.failed'",
  ],
])("%s ends by the schedule and does not hold its lane", async (_, poison) => {
  const { edge } = world;
  await world.subscribe(["message.failed"], { isOrdered: true });
  await world.failedMessage();
  await edge.client.execute(poison);
  await world.failedMessage();
  await world.run(now() + 60 * hour);
  expect(world.received()).toHaveLength(1);
  expect(await deliveries()).toEqual([
    { status: "failed", error: "not_sendable", attempts: 10 },
    { status: "delivered", error: null, attempts: 1 },
  ]);
  expect(await edge.rows("SELECT failures_in_row, failing_since, paused_at FROM endpoint")).toEqual([
    { failures_in_row: 0, failing_since: null, paused_at: null },
  ]);
});

it("an endpoint whose target cannot be opened has its attempts in the log, and ends by the schedule", async () => {
  const { edge } = world;
  const id = await world.subscribe(["message.failed"]);
  await edge.client.execute("UPDATE endpoint SET target = 'v1.r0.AAAA.AAAA'");
  await world.failedMessage();
  await world.run(now() + 60 * hour);
  expect(await deliveries()).toEqual([{ status: "failed", error: "not_sendable", attempts: 10 }]);
  expect(await edge.rows(`SELECT DISTINCT outcome FROM endpoint_hour WHERE endpoint_id = '${id}'`)).toEqual([
    { outcome: "not_sendable" },
  ]);
  expect(edge.logs.splice(0)).toHaveLength(10);
});

it("a workspace whose deliveries cannot be stored does not hold up the others", async () => {
  const { edge } = world;
  const broken = await edge.addWorkspace("Broken");
  for (const workspaceId of [broken.id, edge.workspace.id]) await world.subscribe(["*"], { workspaceId });
  await edge.client.execute(`UPDATE endpoint SET settings = 'no JSON' WHERE workspace_id = '${broken.id}'`);
  const event = (workspaceId: string) =>
    edge.client.execute({
      sql: `INSERT INTO event (id, workspace_id, type, data, at) VALUES ('evt_' || ?, ?, 'batch.finished', '{"batchId":"b"}', ?)`,
      args: [workspaceId, workspaceId, now()],
    });
  for (const workspaceId of [broken.id, edge.workspace.id]) await event(workspaceId);
  // The order of the workspaces is random.
  for (let run = 0; run < 8; run++) {
    edge.advance(60_000);
    await edge.client.execute("UPDATE webhook_position SET seq = 0");
    await edge.client.execute("DELETE FROM delivery");
    await runCron(edge.services);
    await edge.settled();
    const stored = await edge.rows("SELECT workspace_id FROM delivery WHERE type = 'batch.finished'");
    expect(stored).toEqual([{ workspace_id: edge.workspace.id }]);
  }
});

it("a key that loses lookup:read meanwhile is not shown that there is no account", async () => {
  const { edge } = world;
  const createdBy = await idOf(await edge.addKey(edge.workspace.id));
  await world.subscribe(["message.failed"], { createdBy });
  const all = await world.subscribe(["*"], { createdBy });
  await world.failedMessage("not_on_whatsapp");
  await edge.client.execute({
    sql: "UPDATE api_key SET scopes = ? WHERE id = ?",
    args: [JSON.stringify([...without("lookup:read")]), createdBy],
  });
  await world.run(now());
  expect(
    world
      .received()
      .map(({ event }) => event.type)
      .toSorted(),
  ).toEqual(["message.queued", "message.sent"]);
  const left = await edge.rows("SELECT DISTINCT endpoint_id FROM delivery");
  expect(left).toEqual([{ endpoint_id: all }]);
});
