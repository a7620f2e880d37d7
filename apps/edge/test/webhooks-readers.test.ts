import type { Problem, Scope, WebhookDeliveryList } from "@sandi/contracts";
import { afterEach, beforeEach, expect, it } from "vitest";
import { without } from "./events-world.ts";
import { keysOf } from "./keys-of.ts";
import { startWebhooks, type Webhooks } from "./webhooks-world.ts";

let world: Webhooks;
let id: string;
let deliveryId: string;
beforeEach(async () => {
  world = await startWebhooks();
  const { edge } = world;
  id = await world.subscribe(["message.failed"], { createdBy: await edge.addKey(edge.workspace.id).then(idOf) });
  await world.failedMessage("not_on_whatsapp");
  await world.run(edge.services.now().getTime());
  const { body } = await edge.api<WebhookDeliveryList>(`GET /v1/webhooks/${id}/deliveries`);
  deliveryId = body.deliveries[0]?.id ?? "";
});
afterEach(async () => {
  await world.edge.settled();
  world.edge.close();
});

const { idOf } = keysOf(() => world.edge);
const range = { createdAfter: "2020-01-01T00:00:00.000Z", createdBefore: "2040-01-01T00:00:00.000Z" };
const calls = (): [string, object?][] => [
  ["GET /deliveries"],
  [`GET /deliveries/${deliveryId}`],
  [`POST /deliveries/${deliveryId}/retry`],
  [`DELETE /deliveries?createdBefore=${range.createdBefore}`],
  ["POST /replay", { ...range, types: ["verification.undeliverable"] }],
  ["GET /replays"],
  ["GET /replays/rpl_01jd3k9v7hq2w8x5n4b6m0c1t9"],
  ["GET /stats"],
];

it.each(["lookup:read", "message:read"] as const)(
  "a key without %s learns nothing from the deliveries of a webhook that has it",
  async (scope: Scope) => {
    const { edge } = world;
    const key = await edge.addKey(edge.workspace.id, [...without(scope)]);
    const before = await edge.rows("SELECT * FROM delivery");
    for (const [call, body] of calls()) {
      const answer = await edge.api<Problem>(call.replace(" ", ` /v1/webhooks/${id}`), body, { key });
      expect([call, answer.status, answer.body.code]).toEqual([call, 403, "insufficient-scope"]);
      expect(answer.body.detail).toBe(`The calling key lacks ${scope}.`);
    }
    expect(await edge.rows("SELECT * FROM delivery")).toEqual(before);
    expect(await edge.rows("SELECT * FROM replay")).toEqual([]);
    expect((await edge.api(`GET /v1/webhooks/${id}`, undefined, { key })).status).toBe(200);
  },
);

it("a key without lookup:read reads the deliveries of its own webhook", async () => {
  const { edge } = world;
  const key = await edge.addKey(edge.workspace.id, [...without("lookup:read")]);
  const own = await world.subscribe(["*"], { createdBy: await idOf(key) });
  await world.failedMessage("not_on_whatsapp");
  const { status, body } = await edge.api<WebhookDeliveryList>(`GET /v1/webhooks/${own}/deliveries`, undefined, {
    key,
  });
  expect(status).toBe(200);
  expect(body.deliveries.map(({ type }) => type)).not.toContain("message.failed");
});
