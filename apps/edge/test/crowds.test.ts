import type { Incident } from "@sandi/contracts";
import { createId } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { connectorOf, seeMessage, text } from "./senders.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let connector: ReturnType<typeof connectorOf>;
let first: string;
let second: string;

beforeEach(async () => {
  connector = connectorOf(edge);
  first = await edge.addSession();
  second = await edge.addSession("waiting");
});

/** Puts many messages of one kind on a session. */
async function crowd(count: number, more: Record<string, string | number | null>) {
  const at = edge.services.now();
  const row: Record<string, string | number | null> = {
    workspace_id: edge.workspace.id,
    session_id: first,
    to_masked: "",
    status: "queued",
    expires_at: at.getTime() + 3600_000,
    created_at: at.getTime(),
    updated_at: at.getTime(),
    pool_id: null,
    ...more,
  };
  const columns = ["id", ...Object.keys(row)];
  const sql = `INSERT INTO message (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
  await edge.client.batch(
    Array.from({ length: count }, () => ({ sql, args: [createId("msg", at, webRandom(10)), ...Object.values(row)] })),
    "write",
  );
}

describe("more messages than move at once", () => {
  it.each([
    ["of the sandbox", { test: 1 }],
    ["that a session was asked for", { test: 0 }],
    ["that have expired", { test: 0, pool_id: "default", expires_at: 1 }],
  ])("%s do not hold up those that can move", async (_, more) => {
    const pool = `pool_${edge.workspace.id.slice(3)}`;
    await crowd(250, { ...more, ...("pool_id" in more ? { pool_id: pool } : {}) });
    const { body } = await text(edge);
    expect(body.sessionId).toBe(first);
    await connector.state(second, "online");
    await connector.state(first, "waiting");
    expect(await seeMessage(edge, body)).toMatchObject({ sessionId: second, status: "queued" });
  });

  it("of the sandbox do not hold up cron", async () => {
    await crowd(250, { test: 1, pool_id: `pool_${edge.workspace.id.slice(3)}` });
    const { body } = await text(edge);
    await connector.state(first, "waiting");
    await edge.client.execute({ sql: "UPDATE session SET state = 'online' WHERE id = ?", args: [second] });
    await runCron(edge.services);
    expect((await seeMessage(edge, body)).sessionId).toBe(second);
  });
});

describe("what the sandbox holds for a session", () => {
  it("does not hide failures of real messages from the incident check", async () => {
    await edge.api("POST /v1/alert-channels", { kind: "slack", name: "a", url: "https://hooks.example.com/x" });
    await crowd(20, { status: "failed", failure: "refused" });
    edge.advance(1000);
    await crowd(600, { test: 1, status: "sent" });
    await crowd(600, { status: "canceled" });
    await runCron(edge.services);
    const { body } = await edge.api<{ incidents: Incident[] }>("GET /v1/incidents");
    expect(body.incidents.map(({ kind, sessionId }) => [kind, sessionId])).toEqual([["failures_high", first]]);
  });

  it("does not delay other workspaces with what has ended", async () => {
    for (let i = 0; i < 120; i++) {
      await crowd(1, { status: "canceled", test: 1, workspace_id: `ws_0${String(i).padStart(3, "0")}` });
    }
    await crowd(1, { test: 1 });
    await edge.client.execute(`INSERT INTO job (kind, subject_id, workspace_id, publish_after, publish_count)
      SELECT 'sandbox.send', id, workspace_id, 0, 1 FROM message WHERE test = 1`);
    await runCron(edge.services);
    const rows = await edge.rows("SELECT status FROM message WHERE workspace_id = ?", edge.workspace.id);
    expect(rows).toEqual([{ status: "sent" }]);
    expect(await edge.count("job")).toBe(0);
  });

  it("does not end with the session", async () => {
    await crowd(1, { test: 1 });
    const { body } = await text(edge);
    await edge.api(`POST /v1/sessions/${first}/logout`);
    expect((await seeMessage(edge, body)).status).toBe("failed");
    expect(await edge.rows("SELECT status FROM message WHERE test = 1")).toEqual([{ status: "queued" }]);
  });
});
