import { createId, eventsPath, type Pool, type Timeline } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import type { z } from "zod";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { connectorOf, recipient, seeMessage, seeVerification, text, verify } from "./senders.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let connector: ReturnType<typeof connectorOf>;
let first: string;
let second: string;
beforeEach(async () => {
  connector = connectorOf(edge);
  first = await edge.addSession();
  second = await edge.addSession();
});

const other = (id: string | null) => (id === first ? second : first);
const timeline = async (id: string) =>
  (await edge.api<z.infer<typeof Timeline>>(`GET /v1/verifications/${id}/events`)).body.events;
const lastJob = () => edge.jobs.at(-1)?.body;

describe("a message that its account could not send", () => {
  it("goes to the next sender at once, and counts as one", async () => {
    const { body } = await verify(edge);
    const { messageId, sessionId } = body.delivery!;
    // Fences are each session's own.
    await connector.claim(messageId, sessionId!, { fence: 7 });
    await connector.failed(messageId, sessionId!);
    const next = other(sessionId);
    expect(await seeVerification(edge, body)).toMatchObject({
      status: "pending",
      delivery: { messageId, sessionId: next, status: "queued", failure: null },
    });
    expect(lastJob()).toMatchObject({ messageId, sessionId: next, lane: "otp" });
    const traces = edge.jobs.map((job) => ("traceparent" in job ? job.traceparent?.split("-")[1] : "none"));
    expect([traces.length > 1, new Set(traces).size, traces[0]?.length]).toEqual([true, 1, 32]);
    expect(new Set(edge.jobs.map(({ deduplicationId }) => deduplicationId)).size).toBe(edge.jobs.length);
    expect(await connector.claim(messageId, sessionId!)).toBe("done");
    expect(await connector.claim(messageId, next)).toBe("claimed");
    await connector.failed(messageId, sessionId!);
    await connector.sent(messageId, next);
    const told = await timeline(body.id);
    expect(told.map(({ type }) => type)).toEqual([
      "verification.created",
      "message.queued",
      "message.rerouted",
      "message.sent",
    ]);
    expect(told[2]).toMatchObject({ sessionId: next, data: { from: sessionId, reason: "new_chats_locked" } });
    const stages = await edge.rows("SELECT stage, sum(count) AS n FROM conversion GROUP BY stage ORDER BY stage");
    expect(stages).toEqual([
      { stage: "created", n: 1 },
      { stage: "sent", n: 1 },
    ]);
    const [sends] = await edge.rows("SELECT day_count FROM destination_send WHERE workspace_id = ''");
    expect(sends).toEqual({ day_count: 1 });
  });

  it("counts one publish more, however many others move in the same batch of events", async () => {
    const bodies = [];
    for (const _ of "abc") bodies.push((await text(edge)).body);
    for (const { id, sessionId } of bodies) await connector.claim(id, sessionId!);
    const at = edge.services.now();
    const events = bodies.map(({ id, sessionId }, i) => ({
      id: createId("evt", at, webRandom(10)),
      seq: i + 1,
      sessionId,
      at: at.toISOString(),
      type: "message.failed",
      messageId: id,
      reason: "account_restricted",
    }));
    expect((await edge.internal(eventsPath, { connectorId: "a", events })).status).toBe(200);
    expect(await edge.rows("SELECT publish_count FROM job WHERE kind = 'text'")).toEqual(
      bodies.map(() => ({ publish_count: 2 })),
    );
  });

  it("is given to three senders at most, and then fails with the last one's reason", async () => {
    for (let i = 0; i < 3; i++) await edge.addSession();
    const { body } = await text(edge);
    const tried = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const { sessionId } = await seeMessage(edge, body);
      tried.add(sessionId!);
      await connector.claim(body.id, sessionId!);
      await connector.failed(body.id, sessionId!, i < 2 ? "new_chats_locked" : "account_restricted");
    }
    expect(tried.size).toBe(3);
    expect(await seeMessage(edge, body)).toMatchObject({ status: "failed", failure: { reason: "account_restricted" } });
  });

  it("stays failed when a session was asked for, when the reason is the recipient's, or when it may have been sent", async () => {
    const { body: pinned } = await text(edge, { sessionId: first });
    await connector.claim(pinned.id, first);
    await connector.failed(pinned.id, first);
    expect(await seeMessage(edge, pinned)).toMatchObject({ status: "failed", sessionId: first });
    const { body: unknown } = await text(edge);
    await connector.failed(unknown.id, unknown.sessionId!, "undeliverable");
    expect((await seeMessage(edge, unknown)).status).toBe("failed");
    const { body: unsure } = await text(edge);
    for (let i = 0; i < 2; i++) await connector.claim(unsure.id, unsure.sessionId!);
    await connector.failed(unsure.id, unsure.sessionId!, "session_ended");
    expect((await seeMessage(edge, unsure)).status).toBe("failed");
  });

  it("is believed to be sent when the first sender says so late, and the second does not send it", async () => {
    const { body } = await text(edge);
    const from = body.sessionId!;
    await connector.claim(body.id, from);
    await connector.failed(body.id, from, "session_ended");
    await connector.sent(body.id, from);
    expect(await seeMessage(edge, body)).toMatchObject({ status: "sent", sessionId: from });
    expect(await connector.claim(body.id, other(from))).toBe("done");
    await connector.report(from, "message.read", { messageId: body.id });
    expect((await seeMessage(edge, body)).status).toBe("read");
    expect(await edge.rows("SELECT waiting FROM session")).toEqual([{ waiting: 0 }, { waiting: 0 }]);
  });
});

describe("a code that no session could send", () => {
  it("is asked for by the user instead, who then writes to us", async () => {
    const { body } = await verify(edge, { inboundVariant: "reply" });
    const { messageId } = body.delivery!;
    for (const sessionId of [body.delivery!.sessionId!, other(body.delivery!.sessionId)]) {
      await connector.claim(messageId, sessionId);
      await connector.failed(messageId, sessionId);
    }
    const now = await seeVerification(edge, body);
    expect(now).toMatchObject({ status: "pending", mode: "inbound", sendsLeft: 5, inbound: { variant: "reply" } });
    expect((await timeline(body.id)).map(({ type }) => type)).toContain("verification.switched");
    const [row] = await edge.rows("SELECT session_id FROM verification WHERE id = ?", body.id);
    const token = now.inbound!.text.split("\n")[1]!.replaceAll(/^SV-|-/g, "");
    await connector.report(String(row!["session_id"]), "message.received", {
      from: recipient,
      token,
      isForwarded: false,
    });
    expect((await seeVerification(edge, body)).delivery).toMatchObject({ status: "queued", failure: null });
    const code = await edge.codeOf(body.id);
    expect((await edge.api(`POST /v1/verifications/${body.id}/check`, { code })).status).toBe(200);
  });

  it("is undeliverable where the pool says so", async () => {
    const { pools } = (await edge.api<{ pools: Pool[] }>("GET /v1/pools")).body;
    await edge.api(`PATCH /v1/pools/${pools[0]!.id}`, { fallback: "fail" });
    const { body } = await verify(edge, { route: { sessionId: first } });
    await connector.claim(body.delivery!.messageId, first);
    await connector.failed(body.delivery!.messageId, first);
    expect(await seeVerification(edge, body)).toMatchObject({
      status: "undeliverable",
      delivery: { failure: { reason: "new_chats_locked" } },
    });
  });
});

describe("what waits for a session", () => {
  it.each(["waiting", "ended", "stopped"])(
    "goes to another sender when it is %s, unless it was asked for",
    async (state) => {
      await connector.state(second, "waiting");
      const { body: claimed } = await text(edge);
      const { body: free } = await text(edge);
      const { body: pinned } = await text(edge, { sessionId: first });
      expect([claimed.sessionId, free.sessionId]).toEqual([first, first]);
      await connector.claim(claimed.id, first);
      await connector.state(second, "online");
      await connector.state(first, state);
      expect((await seeMessage(edge, claimed)).sessionId).toBe(first);
      expect((await seeMessage(edge, pinned)).sessionId).toBe(first);
      expect(await seeMessage(edge, free)).toMatchObject({ sessionId: second, status: "queued" });
      expect(lastJob()).toMatchObject({ messageId: free.id, sessionId: second });
      expect(await connector.claim(free.id, first)).toBe("done");
      expect(await connector.claim(free.id, second, { fence: 0 })).toBe("claimed");
    },
  );

  it("goes to another sender when it pauses, is stopped or deleted", async () => {
    const { body } = await text(edge);
    const from = body.sessionId!;
    await connector.limits(from, { pausedUntil: new Date(edge.services.now().getTime() + 60_000).toISOString() });
    expect((await seeMessage(edge, body)).sessionId).toBe(other(from));
    await connector.limits(from, {});
    await edge.api(`DELETE /v1/sessions/${other(from)}`);
    await edge.settled();
    expect(await seeMessage(edge, body)).toMatchObject({ sessionId: from, status: "queued" });
  });

  it("is moved by cron when another sender comes online later", async () => {
    await connector.state(first, "waiting");
    await connector.state(second, "waiting");
    const { body } = await text(edge);
    const next = other(body.sessionId);
    await connector.state(next, "online");
    await runCron(edge.services);
    expect(await seeMessage(edge, body)).toMatchObject({ sessionId: next, status: "queued" });
    expect(lastJob()).toMatchObject({ messageId: body.id, sessionId: next });
  });

  it("is moved by cron from a paused sender to one that comes online later", async () => {
    await connector.state(second, "waiting");
    const { body } = await text(edge, { to: "+6281234567891" });
    const pausedUntil = new Date(edge.services.now().getTime() + 600_000).toISOString();
    await connector.limits(first, { pausedUntil });
    await connector.state(second, "online");
    expect((await seeMessage(edge, body)).sessionId).toBe(first);
    await runCron(edge.services);
    expect(await seeMessage(edge, body)).toMatchObject({ sessionId: second, status: "queued" });
    expect(lastJob()).toMatchObject({ messageId: body.id, sessionId: second });
  });

  it("is moved by cron however much waits that no other session can send", async () => {
    await connector.state(first, "waiting");
    await connector.state(second, "ended");
    const bodies = await Promise.all(Array.from({ length: 6 }, async () => (await text(edge)).body));
    const columns = (await edge.rows("SELECT name FROM pragma_table_info('message')")).map(({ name }) => String(name));
    for (let i = 0; i < 50; i++) {
      const lonely = await edge.addSession();
      await edge.rows(`UPDATE session SET state = 'waiting', pool_id = 'pool_${i}' WHERE id = '${lonely}'`);
      const own: Record<string, string> = {
        id: `'msg_${i}_' || value`,
        session_id: `'${lonely}'`,
        pool_id: `'pool_${i}'`,
      };
      const values = columns.map((name) => own[name] ?? `message.${name}`);
      await edge.rows(`INSERT INTO message (${columns.join()}) SELECT ${values.join()}
        FROM message CROSS JOIN json_each('[1,2,3,4,5]') WHERE message.id = '${bodies[0]!.id}'`);
    }
    await connector.state(second, "online");
    const [waiting] = await edge.rows(`SELECT count(*) AS n FROM message WHERE session_id = '${first}'`);
    expect(waiting).toEqual({ n: 6 });
    await runCron(edge.services);
    for (const body of bodies) expect((await seeMessage(edge, body)).sessionId).toBe(second);
  });

  it("stays where it is when the other may not open a chat with the recipient", async () => {
    const { body } = await text(edge);
    await connector.lock(other(body.sessionId));
    await connector.state(body.sessionId!, "waiting");
    expect((await seeMessage(edge, body)).sessionId).toBe(body.sessionId);
  });
});
