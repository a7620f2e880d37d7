import { createId } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { connectorCalls } from "./connector-calls.ts";
import type { Edge } from "./harness.ts";
import { recipient } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
const { create, get, sendText, message, claim, event, report } = connectorCalls(
  () => edge,
  () => sessionId,
);

beforeEach(async () => {
  sessionId = await edge.addSession();
});

/** Stores messages as creates leave them whose publish failed; a text unless it has a verification. */
async function store(prefix: string, count: number, more: { workspace?: string; isText?: boolean; tries?: number }) {
  const { workspace = edge.workspace.id, isText = false, tries = 1 } = more;
  const at = edge.services.now().getTime();
  const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)";
  const expiresAt = at + (isText ? 24 * 3600_000 : 300_000);
  await edge.client.batch([
    {
      sql: `${rows} INSERT INTO message (id, workspace_id, session_id, verification_id, to_masked, status, expires_at,
          created_at, updated_at)
        SELECT ? || i, ?, ?, ?, '', 'queued', ?, ?, ? FROM n`,
      args: [count, prefix, workspace, sessionId, isText ? null : "ver", expiresAt, at, at],
    },
    {
      sql: `${rows} INSERT INTO job (kind, subject_id, workspace_id, publish_after, publish_count, expires_at)
        SELECT ?, ? || i, ?, ?, ?, ? FROM n`,
      args: [count, isText ? "text" : "code", prefix, workspace, at, tries, expiresAt],
    },
  ]);
}
const publishedIds = () => edge.jobs.map((job) => ("messageId" in job.body ? job.body.messageId : ""));

describe("cron", () => {
  it("publishes what stayed unpublished, once a minute, and stops when it was sent", async () => {
    edge.queueIsDown = true;
    const { id } = await sendText();
    await edge.settled();
    edge.queueIsDown = false;
    await runCron(edge.services);
    expect(edge.jobs.map(({ deduplicationId }) => deduplicationId)).toEqual([`${id}.2`]);
    await runCron(edge.services);
    expect(edge.jobs.length).toBe(1);
    edge.advance(60_000);
    await runCron(edge.services);
    expect(edge.jobs.at(-1)?.deduplicationId).toBe(`${id}.3`);
    await report(event("message.sent", { messageId: id }));
    edge.advance(60_000);
    await runCron(edge.services);
    expect(edge.jobs.length).toBe(2);
  });

  it("publishes a send whose connector went away in the middle of it", async () => {
    const { id } = await sendText();
    await edge.settled();
    await claim(id);
    edge.advance(20_000);
    await runCron(edge.services);
    expect(edge.jobs.length).toBe(1);
    edge.advance(10_001);
    await runCron(edge.services);
    expect(edge.jobs.at(-1)?.deduplicationId).toBe(`${id}.2`);
  });

  it("survives a queue that is down, and publishes two at once only once", async () => {
    await sendText();
    await edge.settled();
    edge.advance(15_000);
    edge.queueIsDown = true;
    expect(await runCron(edge.services)).toEqual({ published: 0 });
    edge.queueIsDown = false;
    edge.advance(60_000);
    await Promise.all([runCron(edge.services), runCron(edge.services)]);
    expect(edge.jobs.length).toBe(2);
  });

  it("publishes thousands a run after an outage of the queue, a hundred a request", async () => {
    await store("otp", 2_600, {});
    edge.queueIsDown = true;
    edge.calls.database = 0;
    expect(await runCron(edge.services)).toEqual({ published: 0 });
    expect(edge.batches).toEqual([100, 100, 100, 100, 100]);
    edge.queueIsDown = false;
    edge.batches.length = 0;
    edge.advance(60_000);
    edge.calls.database = 0;
    expect(await runCron(edge.services)).toEqual({ published: 2_500 });
    expect(Math.max(...edge.batches)).toBe(100);
    // A Worker of the free plan may make 50 requests.
    expect(edge.calls.database + edge.batches.length).toBeLessThan(47);
    expect(await runCron(edge.services)).toEqual({ published: 100 });
    expect(new Set(publishedIds()).size).toBe(2_600);
    expect(await runCron(edge.services)).toEqual({ published: 0 });
  });

  it("publishes a new code before old texts and another workspace's codes", async () => {
    const stranger = await edge.addWorkspace();
    await store("text", 600, { isText: true });
    await store("theirs", 600, { workspace: stranger.id });
    edge.advance(1000);
    await store("tried", 1, { tries: 4 });
    await store("mine", 1, {});
    edge.services.cronRounds = 1;
    await runCron(edge.services);
    const ids = publishedIds();
    expect(ids).toEqual(expect.arrayContaining(["mine1", "tried1"]));
    expect(ids.filter((id) => id.startsWith("theirs")).length).toBe(498);
  });

  it("tries a text every minute at first, then ever more seldom, and at once when its session comes online", async () => {
    const { id } = await sendText();
    await edge.settled();
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      edge.advance(3600_000);
      await runCron(edge.services);
      const [row] = await edge.rows("SELECT publish_after FROM job");
      waits.push((Number(row?.["publish_after"]) - edge.services.now().getTime()) / 1000);
    }
    expect(waits).toEqual([50, 50, 50, 50, 100, 200, 400, 800, 1600, 3200, 3600, 3600]);
    const before = edge.jobs.length;
    await report(event("session.state", { state: "online", reason: null, phone: "+6281200000001", revision: 1 }));
    await runCron(edge.services);
    expect(publishedIds().slice(before)).toEqual([id]);
  });

  it("tries a code every minute as long as it lives", async () => {
    await create({ expiresIn: 600 });
    await edge.settled();
    for (let i = 0; i < 9; i++) {
      edge.advance(60_000);
      await runCron(edge.services);
    }
    expect(edge.jobs.length).toBe(10);
  });

  it("keeps up with thousands of ends a minute", async () => {
    await store(createId("msg", edge.services.now(), new Uint8Array(10)).slice(0, 14), 5_000, {});
    edge.advance(300_000);
    await runCron(edge.services);
    expect(await edge.rows("SELECT status, count(*) AS n FROM message GROUP BY 1")).toEqual([
      { status: "failed", n: 5_000 },
    ]);
    edge.advance(7 * 24 * 3600_000);
    await runCron(edge.services);
    expect(await edge.count("message")).toBe(0);
  });

  it("stores what has expired and deletes the codes", async () => {
    const { id, delivery } = await create();
    const text = await sendText();
    edge.advance(24 * 3600_000);
    await runCron(edge.services);
    expect((await get(id)).status).toBe("expired");
    expect((await message(text.id)).failure?.reason).toBe("expired");
    expect(await edge.rows("SELECT code_mac, sealed_code, status FROM verification")).toEqual([
      { code_mac: null, sealed_code: null, status: "expired" },
    ]);
    // Nobody has claimed it: it can be retried.
    expect(await edge.rows("SELECT sealed IS NOT NULL AS is_kept, status FROM message WHERE id = ?", text.id)).toEqual([
      { is_kept: 1, status: "failed" },
    ]);
    expect((await get(id)).delivery!.messageId).toBe(delivery!.messageId);
  });

  it("waits two minutes for the confirmation of a send that was under way", async () => {
    const { id, delivery } = await create();
    edge.advance(299_000);
    await claim(delivery!.messageId);
    edge.advance(60_000);
    await runCron(edge.services);
    expect((await get(id)).delivery!.status).toBe("sending");
    await report(event("message.sent", { messageId: delivery!.messageId }));
    const { status, delivery: now } = await get(id);
    expect([status, now?.status]).toEqual(["expired", "sent"]);
  });

  it("believes a receipt that comes after it gave the message up", async () => {
    const { id, delivery } = await create();
    edge.advance(299_000);
    await claim(delivery!.messageId);
    edge.advance(600_000);
    await runCron(edge.services);
    expect((await get(id)).delivery!.failure?.reason).toBe("expired");
    await report(event("message.read", { messageId: delivery!.messageId }));
    expect((await get(id)).delivery).toMatchObject({ status: "read", failure: null });
  });

  it("sweeps OTP rows after seven days, messages after thirty and idempotency rows after one", async () => {
    await edge.api("POST /v1/verifications", { to: recipient }, { headers: { "idempotency-key": "a" } });
    const text = await sendText();
    edge.advance(24 * 3600_000);
    await runCron(edge.services);
    expect([await edge.count("idempotency"), await edge.count("verification")]).toEqual([0, 1]);
    edge.advance(6 * 24 * 3600_000);
    await runCron(edge.services);
    expect([await edge.count("verification"), await edge.count("message")]).toEqual([0, 1]);
    expect((await message(text.id)).id).toBe(text.id);
    edge.advance(23 * 24 * 3600_000);
    await runCron(edge.services);
    expect(await edge.count("message")).toBe(0);
  });
});
