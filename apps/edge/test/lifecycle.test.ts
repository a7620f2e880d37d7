import { claimPath, eventsPath } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { type Edge, wrong } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { other, verificationCalls } from "./verification-calls.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;

beforeEach(async () => {
  sessionId = await edge.addSession();
});

const { create, act, get, timeline } = verificationCalls(() => edge);
let seq = 0;
async function report(type: string, fields: Record<string, unknown>, at = edge.services.now()) {
  seq++;
  const id = `evt_01jd3k9v7hq2w8x5n4b6m${String(seq).padStart(5, "0")}`;
  const event = { id, seq, sessionId, at: at.toISOString(), type, ...fields };
  const answer = await edge.internal(eventsPath, { connectorId: "a", events: [event] });
  expect(answer.status).toBe(200);
}

describe("a resend", () => {
  it("sends the same code again by id, under the cooldown and the number of sends", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    const early = await act(body.id, "resend");
    expect([early.status, early.body.code, early.body.retryAfter]).toEqual([429, "resend-cooldown", 30]);
    for (const [seconds, left] of [
      [30, 3],
      [60, 2],
      [120, 1],
    ] as const) {
      edge.advance(seconds * 1000);
      const { status, body: again } = await act(body.id, "resend");
      expect([status, again.id, again.sendsLeft, again.delivery?.status]).toEqual([202, body.id, left, "queued"]);
    }
    expect(await edge.codeOf(body.id)).toBe(code);
    await edge.settled();
    expect(new Set(edge.jobs.map(({ body: job }) => ("messageId" in job ? job.messageId : ""))).size).toBe(4);
    expect((await act(body.id, "check", { code })).status).toBe(200);
    const ended = await act(body.id, "resend");
    expect([ended.status, ended.body.code]).toEqual([410, "verification-approved"]);
  });

  it("is stored once under an Idempotency-Key", async () => {
    const { body } = await create();
    edge.advance(30_000);
    const options = { headers: { "idempotency-key": "again" } };
    const answers = [await act(body.id, "resend", undefined, options)];
    await edge.settled();
    answers.push(await act(body.id, "resend", undefined, options));
    expect(answers.map(({ status, headers }) => [status, headers.get("idempotent-replayed")])).toEqual([
      [202, null],
      [202, "true"],
    ]);
    expect(await edge.count("message")).toBe(2);
  });
});

describe("a cancel", () => {
  it("asks to revoke what was sent and not read, until a connector confirms it", async () => {
    const { body } = await create();
    const messageId = body.delivery?.messageId ?? "";
    await report("message.sent", { messageId });
    await report("message.delivered", { messageId });
    await edge.settled();
    edge.jobs.length = 0;
    expect((await act(body.id, "cancel")).body.status).toBe("canceled");
    await edge.settled();
    expect(edge.jobs).toMatchObject([{ kind: "revoke", body: { messageId, sessionId } }]);
    edge.advance(60_000);
    await runCron(edge.services);
    expect(edge.jobs.length).toBe(2);
    await report("message.revoked", { messageId });
    expect((await get(body.id)).delivery?.status).toBe("revoked");
    edge.advance(120_000);
    await runCron(edge.services);
    expect(edge.jobs.length).toBe(2);
    expect(await timeline(body.id)).toEqual([
      "verification.created",
      "message.queued",
      "message.sent",
      "message.delivered",
      "verification.canceled",
      "message.revoked",
    ]);
  });

  it("still takes a message back that the clock has failed, when a late event says that it was sent", async () => {
    const { body } = await create();
    const messageId = body.delivery?.messageId ?? "";
    edge.advance(200_000);
    const claims = [{ messageId, sessionId, fence: 1 }];
    await edge.internal(claimPath, { connectorId: "a", claims });
    await act(body.id, "cancel");
    for (let minute = 0; minute < 5; minute++) {
      edge.advance(60_000);
      await runCron(edge.services);
    }
    expect((await get(body.id)).delivery?.status).toBe("failed");
    edge.jobs.length = 0;
    await report("message.sent", { messageId });
    edge.advance(120_000);
    await runCron(edge.services);
    expect(edge.jobs).toMatchObject([{ kind: "revoke", body: { messageId, sessionId } }]);
  });

  it("leaves what was read, and what was never sent, alone", async () => {
    const { body } = await create();
    await report("message.read", { messageId: body.delivery?.messageId });
    const queued = (await create({ to: other })).body;
    await edge.settled();
    edge.jobs.length = 0;
    await act(body.id, "cancel");
    await act(queued.id, "cancel");
    await edge.settled();
    expect(edge.jobs).toEqual([]);
    expect([(await get(body.id)).delivery?.status, (await get(queued.id)).delivery?.status]).toEqual([
      "read",
      "canceled",
    ]);
  });
});

describe("the timeline", () => {
  it("has wrong codes, the last of them, and an expiry without a request", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    for (let i = 0; i < 5; i++) await act(body.id, "check", { code: wrong(code) });
    expect(await timeline(body.id)).toEqual([
      "verification.created",
      "message.queued",
      ...Array.from({ length: 5 }, () => "verification.check_failed"),
      "verification.max_attempts_reached",
      "message.canceled",
    ]);
    const lapsing = (await create({ to: other })).body;
    edge.advance(301_000);
    await runCron(edge.services);
    expect((await timeline(lapsing.id)).filter((type) => type.startsWith("verification"))).toEqual([
      "verification.created",
      "verification.expired",
    ]);
  });
});
