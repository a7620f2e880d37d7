import type { EventList } from "@sandi/contracts";
import { afterEach, expect, it } from "vitest";
import { without } from "./events-world.ts";
import { startListening } from "./feed-world.ts";
import type { Edge } from "./harness.ts";
import { connectorOf, text, verify } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(ended.splice(0).map((end) => end()));
});

const weakKey = () => edge.addKey(edge.workspace.id, [...without("lookup:read")]);
const newest = async () => Number((await edge.rows("SELECT max(seq) AS seq FROM event"))[0]?.["seq"]);

/** A code to a number without an account: behind the failure lies an event that only `lookup:read` shows. */
async function failCode() {
  const connector = connectorOf(edge);
  const sessionId = await edge.addSession();
  const { body } = await verify(edge);
  const messageId = body.delivery?.messageId ?? "";
  await connector.claim(messageId, sessionId);
  await connector.failed(messageId, sessionId, "not_on_whatsapp");
  await edge.settled();
  const types = await edge.rows("SELECT type FROM event ORDER BY seq DESC LIMIT 2");
  expect(types.map(({ type }) => type)).toEqual(["verification.undeliverable", "message.failed"]);
}

it("the pages of a reader without lookup:read have no position of an event that it may not know of", async () => {
  await failCode();
  const key = await weakKey();
  const hidden = await newest();
  for (const limit of [1, 100]) {
    for (let cursor = "0"; ;) {
      const { body } = await edge.api<EventList>(`GET /v1/events?limit=${limit}&cursor=${cursor}`, undefined, { key });
      expect(Number(body.nextCursor)).toBeLessThan(hidden);
      expect(body.events.at(-1)?.sequence).toBe(Number(body.nextCursor));
      cursor = body.nextCursor;
      if (!body.hasMore) break;
    }
  }
  const asked = "GET /v1/events?limit=1&type=verification.undeliverable";
  expect((await edge.api<EventList>(asked, undefined, { key })).body.hasMore).toBe(false);
});

it("nor have its streams, and it still gets what comes later", async () => {
  const { listen, pass } = startListening(edge);
  const key = await weakKey();
  const before = await listen("", { key });
  ended.push(before.hangUp);
  await pass(1_000);
  await failCode();
  await pass(20_000);
  const hidden = await newest();
  expect(before.text).toContain(": heartbeat");
  const after = await listen("", { key });
  ended.push(after.hangUp);
  await pass(1_000);
  for (const stream of [before, after]) {
    expect(stream.lastId).toBe(String(hidden - 1));
    expect(stream.text).not.toContain(`id: ${hidden}\n`);
  }
  await text(edge);
  await edge.settled();
  await pass(5_000);
  for (const stream of [before, after]) expect(stream.text).toContain("event: message.queued");
});
