import type { Verification } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { type Edge, wrong } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const day = 24 * 3600_000;

/** A verification with a wrong check, a text and an entry of the audit log. */
async function live(policy: Record<string, unknown>) {
  const workspace = await edge.addWorkspace("Acme", policy);
  const sessionId = await edge.addSession("online", workspace.id);
  const options = { key: workspace.key };
  const to = "+6281234567890";
  const { body } = await edge.api<Verification>("POST /v1/verifications", { to }, options);
  await edge.api(`POST /v1/verifications/${body.id}/check`, { code: wrong(await edge.codeOf(body.id)) }, options);
  await edge.api("POST /v1/messages", { sessionId, to, type: "text", text: "hi" }, options);
  await edge.api(`POST /v1/verifications/${body.id}/approve`, { reason: "seen" }, options);
  return workspace.id;
}

/** Tables whose rows have an end. */
const tables = [
  "verification",
  "message",
  "event",
  "audit",
  "destination_budget",
  "destination_send",
  "conversion_prefix",
  "conversion_day",
  "conversion_group",
  "conversion_month",
];

const left = async (workspaceId: string) => {
  const counts = await Promise.all(
    tables.map(async (table) => {
      const [row] = await edge.rows(`SELECT count(*) AS n FROM ${table} WHERE workspace_id = ?`, workspaceId);
      return [table, Number(row?.["n"]) > 0] as const;
    }),
  );
  return counts.flatMap(([table, isThere]) => (isThere ? [table] : []));
};

const counts = ["conversion_prefix", "conversion_day", "conversion_group", "conversion_month"];

describe("cron", () => {
  it("deletes what is older than the workspace's policy and the operator's quota keep", async () => {
    const usual = await live({});
    const long = await live({ retentionDays: { verifications: 60, messages: 90, audit: 3650 } });
    const granted = JSON.stringify({ retentionDays: { audit: 3650, analytics: 3650 } });
    await edge.client.execute({ sql: "UPDATE workspace SET quota = ? WHERE id = ?", args: [granted, long] });
    await runCron(edge.services);
    expect([await left(usual), await left(long)]).toEqual([tables, tables]);
    edge.advance(8 * day);
    await runCron(edge.services);
    const withoutDay = tables.filter((table) => table !== "destination_send");
    expect(await left(usual)).toEqual(withoutDay.filter((table) => table !== "verification"));
    expect(await left(long)).toEqual(withoutDay);
    edge.advance(30 * day);
    await runCron(edge.services);
    expect(await left(usual)).toEqual(["audit", ...counts]);
    expect(await left(long)).toEqual(["verification", "message", "audit", ...counts]);
    edge.advance(365 * day);
    await runCron(edge.services);
    expect([await left(usual), await left(long)]).toEqual([[], ["audit", ...counts]]);
    // The operator grants less: what was chosen before counts as that.
    await edge.client.execute({ sql: "UPDATE workspace SET quota = '{}' WHERE id = ?", args: [long] });
    await runCron(edge.services);
    expect(await left(long)).toEqual([]);
  });
});
