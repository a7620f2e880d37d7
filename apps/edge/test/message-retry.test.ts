import { claimsBeforeRetry, type FailureReason, type Message } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { type connectorOf, recipient, seeMessage, text } from "./senders.ts";
import { useSender } from "./use-edge.ts";

let edge: Edge;
let connector: ReturnType<typeof connectorOf>;
let sessionId: string;
useSender((started) => ({ edge, connector, sessionId } = started));

const retry = (id: string, key?: string) =>
  edge.api<Message>(`POST /v1/messages/${id}/retry`, undefined, key === undefined ? {} : { key });

/** A message that failed after so many claims. */
async function failed(reason: FailureReason, claims = 1): Promise<Message> {
  const { body } = await text(edge, { sessionId });
  await edge.settled();
  for (let i = 0; i < claims; i++) await connector.claim(body.id, sessionId);
  await connector.failed(body.id, sessionId, reason);
  return body;
}

describe("a failed message", () => {
  it.each(Object.entries(claimsBeforeRetry))(
    "that failed as %s may be retried after %s claims at most",
    async (reason, most) => {
      const outcomes: string[] = [];
      for (const claims of [0, 1, 2]) {
        const { id } = await failed(reason as FailureReason, claims);
        outcomes.push((await retry(id)).body.code ?? "retried");
      }
      expect(outcomes).toEqual(
        [0, 1, 2].map((claims) => (most !== null && claims <= most ? "retried" : "message-not-retryable")),
      );
    },
  );

  it("is queued again under its id, with a new lifetime, a new job and no failure", async () => {
    const { id } = await failed("new_chats_locked");
    edge.advance(3_600_000);
    const before = edge.jobs.length;
    const { status, body } = await retry(id);
    await edge.settled();
    expect([status, body.status, body.failure]).toEqual([202, "queued", null]);
    expect(body.expiresAt).toBe(new Date(edge.services.now().getTime() + 86_400_000).toISOString());
    expect(edge.jobs.slice(before).map((job) => job.body)).toMatchObject([{ messageId: id, sessionId }]);
    expect(new Set(edge.jobs.map(({ deduplicationId }) => deduplicationId)).size).toBe(edge.jobs.length);
    expect(await connector.claim(id, sessionId)).toBe("claimed");
    await connector.sent(id, sessionId);
    expect(await edge.rows("SELECT status, sealed FROM message")).toEqual([{ status: "sent", sealed: null }]);
    expect((await retry(id)).body).toMatchObject({ code: "message-not-retryable", detail: "The message is sent." });
    const { events } = (await edge.api<{ events: { type: string }[] }>(`GET /v1/messages/${id}/events`)).body;
    expect(events.map(({ type }) => type)).toEqual([
      "message.queued",
      "message.failed",
      "message.queued",
      "message.sent",
    ]);
    expect((await edge.rows("SELECT waiting FROM session"))[0]).toEqual({ waiting: 0 });
  });

  it("goes with the best session of its pool, which claims it as its first", async () => {
    const { body } = await text(edge);
    await connector.claim(body.id, sessionId, { fence: 7 });
    await connector.failed(body.id, sessionId, "account_restricted");
    await connector.state(sessionId, "ended");
    const next = await edge.addSession();
    const retried = await retry(body.id);
    expect(retried.body.sessionId).toBe(next);
    expect(await connector.claim(body.id, next, { fence: 1 })).toBe("claimed");
    const counts = await edge.rows("SELECT waiting FROM session ORDER BY id = ? DESC", sessionId);
    expect(counts).toEqual([{ waiting: 0 }, { waiting: 1 }]);
  });

  it("is under the rules of a new message", async () => {
    const { id } = await failed("session_ended");
    await connector.state(sessionId, "ended");
    expect((await retry(id)).body.code).toBe("session-ended");
    await connector.state(sessionId, "online");
    const rule = await edge.api("POST /v1/access-rules", { effect: "block", kind: "prefix", value: "6281234567" });
    expect((await retry(id)).body.code).toBe("destination-blocked");
    await edge.api(`DELETE /v1/access-rules/${rule.body["id"] as string}`);
    await edge.api("PATCH /v1/workspace", { policy: { messagesPerRecipientPerHour: 2 } });
    await text(edge);
    const limited = await retry(id);
    expect([limited.status, limited.body.code]).toEqual([429, "rate-limited"]);
    expect([await edge.count("admission"), (await seeMessage(edge, { id })).status]).toEqual([0, "failed"]);
    edge.advance(3_600_000);
    expect((await retry(id)).status).toBe(202);
  });

  it("can be retried for three days, and then its content is deleted", async () => {
    const { id } = await failed("new_chats_locked");
    const sealed = () => edge.rows("SELECT sealed IS NULL AS is_deleted FROM message");
    edge.advance(72 * 3_600_000 - 1);
    await runCron(edge.services);
    expect(await sealed()).toEqual([{ is_deleted: 0 }]);
    edge.advance(1);
    expect((await retry(id)).body.code).toBe("message-not-retryable");
    await runCron(edge.services);
    expect(await sealed()).toEqual([{ is_deleted: 1 }]);
  });

  it("keeps no content if it cannot be retried", async () => {
    await failed("refused");
    await failed("account_restricted", 2);
    const { body } = await text(edge, { expiresIn: 60 });
    await connector.claim(body.id, sessionId);
    edge.advance(600_000);
    await runCron(edge.services);
    expect(await edge.rows("SELECT failure, sealed FROM message ORDER BY rowid")).toEqual(
      ["refused", "account_restricted", "expired"].map((failure) => ({ failure, sealed: null })),
    );
  });

  it("that expired while no connector had it, and whose queue has ended, is retried once for two requests", async () => {
    const { body } = await text(edge, { expiresIn: 60 });
    edge.advance(60_000);
    await runCron(edge.services);
    expect((await seeMessage(edge, body)).failure?.reason).toBe("expired");
    const [first, second] = await Promise.all([retry(body.id), retry(body.id)]);
    expect([first.status, second.status].toSorted((a, b) => a - b)).toEqual([202, 409]);
  });

  it("without an account is a sent message for keys without lookup:read", async () => {
    const { id } = await failed("not_on_whatsapp");
    const key = await edge.addKey(edge.workspace.id, ["message:send"]);
    const seen = await retry(id, key);
    expect([seen.body.code, seen.body.detail]).toEqual(["message-not-retryable", "The message is sent."]);
  });

  it("of another workspace is not found", async () => {
    const { id } = await failed("new_chats_locked");
    const stranger = await edge.addWorkspace();
    expect((await retry(id, stranger.key)).body.code).toBe("message-not-found");
  });
});

it("a code that failed is not kept, and no retry finds it", async () => {
  await edge.api("POST /v1/verifications", { to: recipient });
  const [row] = await edge.rows("SELECT id FROM message");
  const id = row?.["id"] as string;
  await connector.claim(id, sessionId);
  await connector.failed(id, sessionId, "account_restricted");
  expect(await edge.rows("SELECT status, sealed FROM message")).toEqual([{ status: "failed", sealed: null }]);
  expect((await retry(id)).body.code).toBe("message-not-found");
});
