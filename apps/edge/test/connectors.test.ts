import {
  claimPath,
  createId,
  eventsPath,
  sealedFor,
  type ClaimResponse,
  type Message,
  type Verification,
} from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let seq = 0;
const to = "+6281234567890";

beforeEach(async () => {
  sessionId = await edge.addSession();
  seq = 0;
});

const create = async (input: Record<string, unknown> = {}) =>
  (await edge.api<Verification>("POST /v1/verifications", { to, ...input })).body;
const get = async (id: string) => (await edge.api<Verification>(`GET /v1/verifications/${id}`)).body;
const sendText = async () =>
  (await edge.api<Message>("POST /v1/messages", { sessionId, to, type: "text", text: "Selamat pagi" })).body;
const message = async (id: string) => (await edge.api<Message>(`GET /v1/messages/${id}`)).body;

const claim = async (messageId: string, { fence = 1, connectorId = "a", session = sessionId } = {}) => {
  const body = { connectorId, claims: [{ messageId, sessionId: session, fence }] };
  return (await edge.internal<ClaimResponse>(claimPath, body)).body.results[0];
};
const event = (type: string, more: Record<string, unknown>) => ({
  id: createId("evt", edge.services.now(), webRandom(10)),
  seq: ++seq,
  sessionId,
  at: edge.services.now().toISOString(),
  type,
  ...more,
});
const report = (...events: Record<string, unknown>[]) => edge.internal(eventsPath, { connectorId: "a", events });

describe("claiming a message", () => {
  it("hands out what only the connector can open: number and code, and the text around it", async () => {
    const { id, delivery } = await create();
    const code = await edge.codeOf(id);
    const result = await claim(delivery!.messageId);
    expect(result).toMatchObject({ outcome: "claimed", attempt: 1, expiresAt: "2026-11-21T08:05:00.000Z" });
    if (result?.outcome !== "claimed") throw new Error("not claimed");
    expect(await edge.unseal(result.sealed)).toEqual({ to, code });
    expect(result.template).toContain("{{code}}");
    const text = await sendText();
    const other = await claim(text.id);
    if (other?.outcome !== "claimed") throw new Error("not claimed");
    expect([await edge.unseal(other.sealed), other.template]).toEqual([{ to, text: "Selamat pagi" }, null]);
  });

  it("says what each is sealed for: a code for its verification, over all its messages, a text for its message", async () => {
    const { id, delivery } = await create();
    const first = await claim(delivery!.messageId);
    edge.advance(60_000);
    const again = await edge.api<Verification>(`POST /v1/verifications/${id}/resend`);
    expect(again.status).toBe(202);
    const second = await claim(again.body.delivery!.messageId);
    for (const result of [first, second]) {
      if (result?.outcome !== "claimed") throw new Error("not claimed");
      expect([result.verificationId, await edge.purposeOf(result.sealed)]).toEqual([
        id,
        sealedFor.code(id, edge.workspace.id),
      ]);
    }
    const text = await sendText();
    const other = await claim(text.id);
    if (other?.outcome !== "claimed") throw new Error("not claimed");
    const purpose = sealedFor.message(text.id, edge.workspace.id);
    expect([other.verificationId, await edge.purposeOf(other.sealed)]).toEqual([null, purpose]);
  });

  it("grants one of 20 claims at once", async () => {
    const { delivery } = await create();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => claim(delivery!.messageId, { connectorId: `c${i}` })),
    );
    expect(results.filter((result) => result?.outcome === "claimed").length).toBe(1);
    expect(results.filter((result) => result?.outcome === "busy").length).toBe(19);
  });

  it("allows the same run to claim again, a higher fence to take over, and another run after the claim has expired", async () => {
    const { id } = await sendText();
    expect((await claim(id))?.outcome).toBe("claimed");
    expect(await claim(id)).toMatchObject({ outcome: "claimed", attempt: 2 });
    expect(await claim(id, { connectorId: "b" })).toEqual({ outcome: "busy", messageId: id, retryAfterMs: 30_000 });
    expect((await claim(id, { connectorId: "b", fence: 2 }))?.outcome).toBe("claimed");
    expect((await claim(id, { connectorId: "a", fence: 1 }))?.outcome).toBe("busy");
    edge.advance(30_001);
    expect((await claim(id, { connectorId: "c", fence: 2 }))?.outcome).toBe("claimed");
  });

  it("has nothing to give for what is unknown, sent, canceled, expired, or another session's", async () => {
    const { id, delivery } = await create();
    const elsewhere = await edge.addSession();
    expect((await claim(delivery!.messageId, { session: elsewhere }))?.outcome).toBe("done");
    expect((await claim("msg_01jd3k9v7hq2w8x5n4b6m0c1ta"))?.outcome).toBe("done");
    await edge.api(`POST /v1/verifications/${id}/cancel`);
    expect((await claim(delivery!.messageId))?.outcome).toBe("done");
    const next = await create();
    edge.advance(300_000);
    expect((await claim(next.delivery!.messageId))?.outcome).toBe("done");
    const text = await sendText();
    await report(event("message.sent", { messageId: text.id }));
    expect((await claim(text.id))?.outcome).toBe("done");
  });

  it("answers many claims in their order with one call to the database", async () => {
    const texts = [await sendText(), await sendText(), await sendText()];
    edge.calls.database = 0;
    const claims = [...texts, { id: "msg_01jd3k9v7hq2w8x5n4b6m0c1ta" }].map(({ id }) => ({
      messageId: id,
      sessionId,
      fence: 1,
    }));
    const { body } = await edge.internal<ClaimResponse>(claimPath, { connectorId: "a", claims });
    expect(body.results.map(({ messageId, outcome }) => [messageId, outcome])).toEqual([
      ...texts.map(({ id }) => [id, "claimed"]),
      ["msg_01jd3k9v7hq2w8x5n4b6m0c1ta", "done"],
    ]);
    expect(edge.calls.database).toBe(1);
  });

  it("gives a resend the same code", async () => {
    const { id, delivery } = await create();
    const code = await edge.codeOf(id);
    await claim(delivery!.messageId);
    edge.advance(30_000);
    const again = await create();
    const result = await claim(again.delivery!.messageId);
    if (result?.outcome !== "claimed") throw new Error("not claimed");
    expect(await edge.unseal(result.sealed)).toEqual({ to, code });
  });
});

describe("events from a connector", () => {
  it("move a message forward with their times, and delete its text", async () => {
    const { id } = await sendText();
    await claim(id);
    await report(event("message.sent", { messageId: id }));
    edge.advance(1000);
    await report(event("message.delivered", { messageId: id }), event("message.read", { messageId: id }));
    expect(await message(id)).toMatchObject({
      status: "read",
      sentAt: "2026-11-21T08:00:00.000Z",
      deliveredAt: "2026-11-21T08:00:01.000Z",
      readAt: "2026-11-21T08:00:01.000Z",
    });
    expect(await edge.rows("SELECT sealed FROM message")).toEqual([{ sealed: null }]);
  });

  it("keep the cooldown after a cancel: a new create is another send", async () => {
    const { id, delivery } = await create();
    await claim(delivery!.messageId);
    await report(event("message.sent", { messageId: delivery!.messageId }));
    await edge.api(`POST /v1/verifications/${id}/cancel`);
    const early = await edge.api("POST /v1/verifications", { to });
    expect([early.status, early.body.code, early.body.retryAfter]).toEqual([429, "resend-cooldown", 30]);
    edge.advance(30_000);
    expect((await create()).created).toBe(true);
  });

  it("never move it back: late, doubled and overtaken ones change nothing", async () => {
    const { id } = await sendText();
    const sent = event("message.sent", { messageId: id });
    const delivered = event("message.delivered", { messageId: id });
    edge.advance(1000);
    await report(event("message.read", { messageId: id }));
    const read = await message(id);
    expect([read.status, read.sentAt, read.deliveredAt]).toEqual(["read", read.readAt, read.readAt]);
    for (const late of [delivered, sent, sent, event("message.failed", { messageId: id, reason: "refused" })]) {
      expect((await report(late)).status).toBe(200);
    }
    expect(await message(id)).toEqual(read);
  });

  it("end a verification of which every message failed, or the latest with none sent, but not after an approval", async () => {
    const first = await create();
    await claim(first.delivery!.messageId);
    edge.advance(30_000);
    const resent = await create();
    await report(event("message.failed", { messageId: first.delivery!.messageId, reason: "refused" }));
    expect((await get(first.id)).status).toBe("pending");
    const failed = event("message.failed", { messageId: resent.delivery!.messageId, reason: "not_on_whatsapp" });
    await report(failed);
    await report(failed);
    const ended = await get(first.id);
    expect([ended.status, ended.delivery!.status, ended.delivery!.failure?.reason]).toEqual([
      "undeliverable",
      "failed",
      "not_on_whatsapp",
    ]);
    expect(await edge.rows("SELECT code_mac, sealed_code FROM verification")).toEqual([
      // Kept, so that a check does not tell who has an account; sent again, it could still arrive.
      { code_mac: expect.any(String) as string, sealed_code: expect.any(String) as string },
    ]);
    const check = (key: string) => edge.api(`POST /v1/verifications/${first.id}/check`, { code: "123456" }, { key });
    expect((await check(edge.workspace.key)).body.code).toBe("verification-undeliverable");
    expect((await check(await edge.addKey(edge.workspace.id, ["otp:check"]))).body.code).toBe("code-incorrect");
  });

  it.each(["sent", "delivered", "read"])("let a code that was %s be checked when its resend fails", async (type) => {
    const first = await create();
    const code = await edge.codeOf(first.id);
    await claim(first.delivery!.messageId);
    await report(event(`message.${type}`, { messageId: first.delivery!.messageId }));
    edge.advance(30_000);
    const resent = await create();
    await report(event("message.failed", { messageId: resent.delivery!.messageId, reason: "refused" }));
    const found = await get(first.id);
    expect([found.status, found.delivery!.status]).toEqual(["pending", "failed"]);
    expect((await edge.api(`POST /v1/verifications/${first.id}/check`, { code })).status).toBe(200);
  });

  it("allow a check of a code that is being sent when its resend fails, until it fails too", async () => {
    const first = await create();
    await claim(first.delivery!.messageId);
    edge.advance(30_000);
    const resent = await create();
    await report(event("message.failed", { messageId: resent.delivery!.messageId, reason: "refused" }));
    expect((await get(first.id)).status).toBe("pending");
    await report(event("message.failed", { messageId: first.delivery!.messageId, reason: "refused" }));
    expect((await get(first.id)).status).toBe("undeliverable");
  });

  it("set a session's state, the newest only", async () => {
    const online = event("session.state", { state: "online", reason: null, phone: "+6281200000001", revision: 1 });
    const waiting = event("session.state", { state: "waiting", reason: "connection_lost", phone: null, revision: 1 });
    await report(waiting, online);
    const found = await edge.api(`GET /v1/sessions/${sessionId}`);
    expect(found.body).toMatchObject({ state: "waiting", reason: "connection_lost" });
  });

  it("about something unknown are skipped, and one wrong event stores none of its batch", async () => {
    const unknown = event("message.sent", { messageId: "msg_01jd3k9v7hq2w8x5n4b6m0c1ta" });
    const { id } = await sendText();
    expect((await report(unknown, event("message.sent", { messageId: id }))).body).toEqual({ applied: 2 });
    expect((await message(id)).status).toBe("sent");
    const other = await sendText();
    const bad = await report(
      event("message.sent", { messageId: other.id }),
      event("message.lost", { messageId: other.id }),
    );
    expect([bad.status, bad.body.errors?.[0]?.pointer]).toEqual([400, "/events/1/type"]);
    expect((await message(other.id)).status).toBe("queued");
  });

  it("are one call to the database, however many", async () => {
    const { id } = await sendText();
    edge.calls.database = 0;
    await report(...Array.from({ length: 200 }, () => event("message.sent", { messageId: id })));
    expect(edge.calls.database).toBe(1);
  });
});

describe("a connector's token", () => {
  it("is good for one request, once", async () => {
    const { id } = await sendText();
    const body = { connectorId: "a", events: [event("message.sent", { messageId: id })] };
    const token = await edge.signInternal(eventsPath, body);
    const other = { ...body, events: [event("message.read", { messageId: id })] };
    expect((await edge.internal(eventsPath, other, token)).status).toBe(401);
    expect((await edge.internal(claimPath, body, token)).status).toBe(401);
    expect((await edge.internal(eventsPath, body, token)).status).toBe(200);
    const again = await edge.internal(eventsPath, body, token);
    expect([again.status, again.body.code]).toEqual([401, "service-token-invalid"]);
    expect((await edge.internal(eventsPath, body, edge.workspace.key)).status).toBe(401);
    edge.advance(120_000);
    expect((await edge.internal(eventsPath, body, token)).status).toBe(401);
  });

  it("is still taken while Redis is away, and waits for Redis once in two seconds only", async () => {
    let asked = 0;
    edge.services.isFirstUse = () => Promise.reject(new Error(`away ${asked++}`));
    const { id } = await sendText();
    expect((await report(event("message.sent", { messageId: id }))).status).toBe(200);
    expect((await report(event("message.delivered", { messageId: id }))).status).toBe(200);
    expect([asked, edge.logs.join()]).toEqual([1, expect.stringContaining("Redis does not answer")]);
    edge.advance(2_000);
    expect((await report(event("message.read", { messageId: id }))).status).toBe(200);
    expect(asked).toBe(2);
  });
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
    expect(edge.calls.database + edge.batches.length).toBeLessThan(45);
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
    await edge.api("POST /v1/verifications", { to }, { headers: { "idempotency-key": "a" } });
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
