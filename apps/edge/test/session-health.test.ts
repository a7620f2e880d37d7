import { eventsPath, HealthRpc, type Session, type SessionHealth } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let id: string;
let seq = 0;

beforeEach(async () => {
  id = await edge.addSession("online");
});

const to = "+6281234567890";
const iso = () => edge.services.now().toISOString();
const health = async () => (await edge.api<SessionHealth>(`GET /v1/sessions/${id}/health`)).body;
const lost = async () => Math.abs((await health()).facts.failures);
const accept = async () => {
  const { body } = await edge.api<{ id: string }>("POST /v1/messages", { sessionId: id, to, type: "text", text: "hi" });
  return body.id;
};
async function tell(event: Record<string, unknown>) {
  const events = [{ id: `evt_${String(++seq).padStart(26, "0")}`, seq, sessionId: id, at: iso(), ...event }];
  expect((await edge.internal(eventsPath, { connectorId: "a", events })).status).toBe(200);
}

describe("a session's health", () => {
  it("shows what waits, what was sent and failed in the last hour and why, and the last times", async () => {
    const [sent, failed] = [await accept(), await accept()];
    await tell({ type: "message.sent", messageId: sent });
    edge.advance(1000);
    await tell({ type: "message.delivered", messageId: sent });
    const deliveredAt = iso();
    await tell({ type: "message.failed", messageId: failed, reason: "not_on_whatsapp" });
    edge.advance(1000);
    const acceptedAt = iso();
    await accept();
    edge.advance(1000);
    await accept();
    expect(await health()).toMatchObject({
      state: "online",
      desired: "running",
      queue: { waiting: 2, oldestAt: acceptedAt },
      lastHour: { sent: 1, delivered: 1, failed: 1, reasons: { not_on_whatsapp: 1 } },
      lastDeliveredAt: deliveredAt,
      lastHeardAt: deliveredAt,
    });
    const key = await edge.addKey(edge.workspace.id, ["session:manage"]);
    const { body } = await edge.api<SessionHealth>(`GET /v1/sessions/${id}/health`, undefined, { key });
    expect(body.lastHour).toEqual({ sent: 2, delivered: 1, failed: 0, reasons: {} });
    edge.advance(3 * 3_600_000);
    const later = await health();
    expect([later.lastHour, later.lastDeliveredAt]).toEqual([
      { sent: 0, delivered: 0, failed: 0, reasons: {} },
      deliveredAt,
    ]);
  });

  it("keeps the newest of each outcome, and nothing of a session that is gone", async () => {
    const first = await accept();
    await tell({ type: "message.sent", messageId: first });
    edge.advance(2 * 86_400_000);
    const second = await accept();
    await tell({ type: "message.sent", messageId: second });
    edge.advance(2 * 86_400_000);
    expect(await edge.count("session_figure")).toBe(4);
    await runCron(edge.services);
    expect(await edge.count("session_figure")).toBe(2);
    expect((await health()).lastSentAt).not.toBe(null);
    await edge.client.execute("DELETE FROM session");
    expect(await edge.count("session_figure")).toBe(0);
  });

  it("has a score that its facts add up to, and that the session shows, too", async () => {
    await tell({
      type: "session.limits",
      newChatsLockedUntil: "2027-01-01T00:00:00.000Z",
      newChats: null,
      pausedUntil: null,
    });
    for (const state of ["online", "waiting", "ended"]) {
      const reason = state === "online" ? null : "connection_lost";
      await tell({
        type: "session.state",
        state,
        reason,
        phone: "+6281200000001",
        revision: 1,
        attempts: state === "online" ? 0 : 3,
      });
      const { facts, score } = await health();
      const sum = Object.values(facts).reduce((total, points) => total + points, 0);
      expect([state, score]).toEqual([state, Math.max(0, sum)]);
      expect(score).toBe((await edge.api<Session>(`GET /v1/sessions/${id}`)).body.score);
      expect(facts).toMatchObject({ newChats: -25, attempts: state === "online" ? 0 : -3 });
    }
  });

  it("counts failures for the account's sake against what it has sent, numbers without an account among them", async () => {
    for (let i = 0; i < 3; i++) {
      await tell({ type: "message.failed", messageId: await accept(), reason: "not_on_whatsapp" });
    }
    expect(await lost()).toBe(0);
    for (let i = 0; i < 3; i++) await tell({ type: "message.failed", messageId: await accept(), reason: "refused" });
    expect(await lost()).toBe((60 * 3) / (3 + 3 + 3));
    for (let i = 0; i < 6; i++) await tell({ type: "message.sent", messageId: await accept() });
    expect(await lost()).toBe((60 * 3) / (3 + 3 + 6 + 3));
  });

  it("counts what went to another sender as a failure, where it was tried", async () => {
    await edge.addSession("online");
    const { body } = await edge.api<{ id: string; sessionId: string }>("POST /v1/messages", {
      to,
      type: "text",
      text: "hi",
    });
    id = body.sessionId;
    await tell({ type: "message.failed", messageId: body.id, reason: "account_restricted" });
    expect((await health()).facts.failures).toBe(-15);
    const { body: moved } = await edge.api<{ sessionId: string }>(`GET /v1/messages/${body.id}`);
    expect(moved.sessionId).not.toBe(id);
    id = moved.sessionId;
    expect((await health()).facts.failures).toBe(0);
  });

  it("has what its connector knows, and is answered without it", async () => {
    const live = { heardAt: iso(), roundTripMs: 41, sending: 2, outbox: 3 };
    const asked: unknown[] = [];
    edge.connector = (path, body) => {
      asked.push([path, body]);
      return { status: 200, body: live };
    };
    expect((await health()).live).toEqual(live);
    expect(asked).toEqual([[HealthRpc.path, { sessionId: id }]]);
    for (const answer of [undefined, { status: 503, body: {} }, { status: 404, body: { code: "session-not-found" } }]) {
      edge.connector = () => answer;
      const { status, body } = await edge.api<SessionHealth>(`GET /v1/sessions/${id}/health`);
      expect([status, body.live]).toEqual([200, null]);
    }
  });

  it("belongs to its workspace: no connector is asked for another one", async () => {
    const stranger = await edge.addWorkspace("Other");
    edge.connector = () => {
      throw new Error("asked");
    };
    const { status } = await edge.api(`GET /v1/sessions/${id}/health`, undefined, { key: stranger.key });
    expect(status).toBe(404);
  });
});
