import { type AuditList, type Session, eventsPath, sessionReasons } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let seq = 0;

const iso = (inMs = 0) => new Date(edge.services.now().getTime() + inMs).toISOString();

async function tell(sessionId: string, event: Record<string, unknown>) {
  seq = Number(event["seq"] ?? seq + 1);
  const id = `evt_${String(seq).padStart(26, "0")}`;
  const { status } = await edge.internal(eventsPath, {
    connectorId: "a",
    events: [{ id, seq, sessionId, at: iso(), ...event }],
  });
  expect(status).toBe(200);
}

const state = (sessionId: string, more: Record<string, unknown>) =>
  tell(sessionId, { type: "session.state", reason: null, phone: "+6281200000001", revision: 1, ...more });
const look = async (id: string) => (await edge.api<Session>(`GET /v1/sessions/${id}`)).body;
const history = async (id: string, query = "") => {
  const { body } = await edge.api<{ events: Record<string, unknown>[]; nextCursor: string | null }>(
    `GET /v1/sessions/${id}/events${query}`,
  );
  return body;
};

describe("a session", () => {
  it("shows what is wanted, since when it is as it is, why, and when it is tried again", async () => {
    const id = await edge.addSession("online");
    edge.advance(1000);
    await state(id, { state: "waiting", reason: "connection_lost", attempts: 3, nextAttemptAt: iso(4000) });
    const since = iso();
    edge.advance(5000);
    await state(id, { state: "waiting", reason: "server_unavailable", attempts: 4, nextAttemptAt: iso(8000) });
    expect(await look(id)).toMatchObject({
      desired: "running",
      state: "waiting",
      reason: "server_unavailable",
      detail: sessionReasons.server_unavailable,
      since,
      attempts: 4,
      nextAttemptAt: iso(8000),
    });
    await state(id, { state: "online", attempts: 0, nextAttemptAt: null });
    expect(await look(id)).toMatchObject({ state: "online", detail: null, since: iso(), nextAttemptAt: null });
  });

  it("accepts a state without attempts from an older connector", async () => {
    const id = await edge.addSession("online");
    await state(id, { state: "waiting", reason: "connection_lost" });
    expect(await look(id)).toMatchObject({ state: "waiting", attempts: 0, nextAttemptAt: null });
  });

  it("shows the limits of its account, only the newest", async () => {
    const id = await edge.addSession("online");
    expect((await look(id)).limits).toBe(null);
    const limits = {
      newChatsLockedUntil: iso(60_000),
      newChats: { total: 50, used: 12, resetsAt: iso(3_600_000) },
      pausedUntil: null,
    };
    await tell(id, { type: "session.limits", seq: 50, ...limits });
    await tell(id, { type: "session.limits", seq: 49, newChatsLockedUntil: null, newChats: null, pausedUntil: null });
    expect((await look(id)).limits).toEqual(limits);
  });

  it("is stopped and started once, however often it is asked for, and keeps what is queued", async () => {
    const id = await edge.addSession("online");
    const { body: text } = await edge.api("POST /v1/messages", {
      sessionId: id,
      to: "+6281234567890",
      type: "text",
      text: "hi",
    });
    for (const verb of ["stop", "stop", "start", "start"]) {
      const { status, body } = await edge.api<Session>(`POST /v1/sessions/${id}/${verb}`);
      expect([status, body.desired]).toEqual([202, verb === "stop" ? "stopped" : "running"]);
    }
    await edge.settled();
    const desired = edge.jobs.flatMap((job) => (job.kind === "session" ? [[job.body.desired, job.body.revision]] : []));
    expect(desired).toEqual([
      ["stopped", 2],
      ["running", 3],
    ]);
    const { body } = await edge.api(`GET /v1/messages/${text["id"] as string}`);
    expect(body["status"]).toBe("queued");
  });

  it("that is to be logged out is not merely stopped", async () => {
    const id = await edge.addSession("online");
    await edge.api(`POST /v1/sessions/${id}/logout`);
    const { body } = await edge.api<Session>(`POST /v1/sessions/${id}/stop`);
    expect(body.desired).toBe("stopped");
    expect(await edge.rows("SELECT desired, revision FROM session")).toEqual([{ desired: "logged_out", revision: 2 }]);
  });

  it("has an entry of the audit log for whatever is wanted of it, and none for what is wanted already", async () => {
    const { body } = await edge.api<Session>("POST /v1/sessions", { name: "First" });
    for (const verb of ["start", "stop", "stop", "start", "restart", "logout", "stop"]) {
      edge.advance(1);
      expect((await edge.api(`POST /v1/sessions/${body.id}/${verb}`)).status).toBe(202);
    }
    edge.advance(1);
    expect((await edge.api(`DELETE /v1/sessions/${body.id}`)).status).toBe(204);
    const log = await edge.api<AuditList>(`GET /v1/audit?target=${body.id}`);
    expect(log.body.entries.map(({ action }) => action.replace("session.", ""))).toEqual([
      "deleted",
      "logged_out",
      "restarted",
      "started",
      "stopped",
      "created",
    ]);
    expect(log.body.entries.at(-1)?.detail).toEqual({ name: "First", poolId: body.poolId });
  });

  it("is renamed, with an entry of the audit log", async () => {
    const id = await edge.addSession("online");
    for (const name of ["Bandung", "Bandung"]) {
      const { status, body } = await edge.api<Session>(`PATCH /v1/sessions/${id}`, { name });
      expect([status, body.name]).toEqual([200, "Bandung"]);
    }
    const { body } = await edge.api<{ entries: Record<string, unknown>[] }>("GET /v1/audit?action=session.renamed");
    expect(body.entries.map(({ target, detail }) => [target, detail])).toEqual([[id, { name: { to: "Bandung" } }]]);
  });

  it.each(["POST start", "POST stop", "PATCH ", "GET events"])(
    "of another workspace is not there: %s",
    async (call) => {
      const stranger = await edge.addWorkspace("Other");
      const id = await edge.addSession("online");
      const [method, verb] = call.split(" ");
      const path = `/v1/sessions/${id}${verb ? `/${verb}` : ""}`;
      const body = method === "PATCH" ? { name: "Mine" } : undefined;
      const { status } = await edge.api(`${method} ${path}`, body, { key: stranger.key });
      expect(status).toBe(404);
      expect(await edge.rows("SELECT name, revision FROM session")).toEqual([{ name: "sender", revision: 1 }]);
    },
  );
});

describe("a session's history", () => {
  it("lists every transition with its reason, its accounts, and changes of its limits, newest first", async () => {
    const { body } = await edge.api<Session>("POST /v1/sessions", { name: "Support" });
    await state(body.id, { state: "connecting", reason: "requested", phone: null });
    await state(body.id, { state: "waiting", reason: "connection_lost", attempts: 1, nextAttemptAt: iso(1000) });
    // The revision alone is no transition.
    await state(body.id, { state: "waiting", reason: "connection_lost", attempts: 1, revision: 2 });
    const lock = { newChatsLockedUntil: iso(60_000), pausedUntil: null };
    const newChats = { total: 50, used: 1, resetsAt: null };
    await tell(body.id, { type: "session.limits", ...lock, newChats });
    await tell(body.id, { type: "session.limits", ...lock, newChats: { ...newChats, used: 2 } });
    const { events, nextCursor } = await history(body.id);
    expect(nextCursor).toBe(null);
    expect(events.map(({ id: _id, ...event }) => event)).toEqual([
      { type: "session.limits", at: iso(), limits: { ...lock, newChats } },
      {
        type: "session.state",
        at: iso(),
        state: "waiting",
        reason: "connection_lost",
        detail: sessionReasons.connection_lost,
        attempts: 1,
      },
      { type: "session.account", at: iso(), number: "+62812•••0001", isLinked: true },
      {
        type: "session.state",
        at: iso(),
        state: "connecting",
        reason: "requested",
        detail: sessionReasons.requested,
        attempts: 0,
      },
      {
        type: "session.state",
        at: iso(),
        state: "stopped",
        reason: "created",
        detail: sessionReasons.created,
        attempts: 0,
      },
    ]);
  });

  it("comes in pages, and holds neither messages nor another session's events", async () => {
    const id = await edge.addSession("online");
    const other = await edge.addSession("online");
    await edge.api("POST /v1/verifications", { to: "+6281234567890" });
    await state(other, { state: "ended", reason: "banned" });
    for (const reason of ["connection_lost", "server_unavailable", "connection_lost"]) {
      await state(id, { state: "waiting", reason, attempts: 1 });
    }
    const first = await history(id, "?limit=2");
    const second = await history(id, `?limit=2&cursor=${first.nextCursor}`);
    expect([...first.events, ...second.events].map((event) => event["reason"])).toEqual([
      "connection_lost",
      "server_unavailable",
      "connection_lost",
      null,
    ]);
    expect(second.nextCursor).toBe(null);
  });

  it("is forgotten after 30 days", async () => {
    const id = await edge.addSession("online");
    edge.advance(31 * 86_400_000);
    await state(id, { state: "waiting", reason: "connection_lost" });
    await runCron(edge.services);
    expect((await history(id)).events).toHaveLength(1);
  });

  it("is read through an index", async () => {
    const { rows } = await edge.client.execute(
      `EXPLAIN QUERY PLAN SELECT id FROM event WHERE workspace_id = 'a' AND session_id = 'b' AND verification_id IS NULL
        AND message_id IS NULL AND id < 'c' ORDER BY id DESC LIMIT 21`,
    );
    expect(rows.map((row) => row["detail"])).toEqual([
      "SEARCH event USING INDEX event_session (workspace_id=? AND session_id=? AND id<?)",
    ]);
  });
});
