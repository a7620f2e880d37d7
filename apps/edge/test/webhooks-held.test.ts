import { expect, it } from "vitest";
import { without } from "./events-world.ts";
import { verify } from "./senders.ts";
import { useWebhooks } from "./use-webhooks.ts";
import type { Webhooks } from "./webhooks-world.ts";

let world: Webhooks;
useWebhooks((started) => (world = started));

it("a canceled code to a number without an account is reported as revoked after as long as a connector needs", async () => {
  const { edge, connector, session } = world;
  const blind = await edge.addKey(edge.workspace.id, without("lookup:read"));
  const [key] = await edge.rows("SELECT id FROM api_key ORDER BY id DESC LIMIT 1");
  await world.subscribe(["*"], { createdBy: String(key?.["id"]) });
  const { id, delivery } = (await verify(edge)).body;
  await connector.claim(delivery!.messageId, session);
  await connector.failed(delivery!.messageId, session, "not_on_whatsapp");
  const stored = async () => (await edge.rows("SELECT type FROM delivery ORDER BY event_seq")).map(({ type }) => type);
  const before = await stored();
  let meanwhile: unknown[] = [];
  const waits: number[] = [];
  edge.services.sleep = async (ms) => {
    waits.push(ms);
    meanwhile = await stored();
    edge.advance(ms);
  };
  await edge.api(`POST /v1/verifications/${id}/cancel`, undefined, { key: blind });
  await edge.settled();
  expect(meanwhile).toEqual([...before, "verification.canceled"]);
  expect(await stored()).toEqual([...meanwhile, "message.revoked"]);
  expect(waits).toEqual([expect.toSatisfy((ms: number) => ms >= 100 && ms <= 1_120)]);
});

it("what waits for a paused webhook costs cron nothing, and is sent when the webhook is resumed", async () => {
  const { edge } = world;
  const id = await world.subscribe(["message.failed"]);
  await edge.api(`PATCH /v1/webhooks/${id}`, { isPaused: true });
  await world.failedMessage();
  edge.advance(89 * 86_400_000);
  const at = edge.services.now().getTime();
  const due = `SELECT subject_id FROM job WHERE kind = 'delivery' AND publish_after <= ${at}`;
  expect(await edge.rows(due)).toEqual([]);
  await edge.api(`PATCH /v1/webhooks/${id}`, { isPaused: false });
  await edge.settled();
  expect(await edge.rows(due)).toHaveLength(1);
  await world.run(at);
  expect(world.received()).toMatchObject([{ event: { type: "message.failed" } }]);
});
