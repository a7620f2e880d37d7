import { createId } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { matchingRules, type RuleSubject } from "../src/access-rules/match.ts";
import { parseRange } from "../src/addresses.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const at = Date.parse("2026-11-21T08:00:00.000Z");

const subject = (more: Partial<RuleSubject> = {}): RuleSubject => ({
  workspaceId: edge.workspace.id,
  toHash: "hash",
  formerHashes: [],
  digits: "6281234567890",
  country: "ID",
  ip: undefined,
  at,
  ...more,
});
async function add(kind: string, value: string, more: Record<string, string | number> = {}) {
  const row = { effect: "block", workspace: edge.workspace.id, valueTo: "", expiresAt: null, ...more };
  await edge.client.execute({
    sql: `INSERT INTO access_rule (id, workspace_id, effect, kind, value, value_to, label, expires_at, created_at)
      VALUES (?, ?, ?, ?, ?, ?, '', ?, ?)`,
    args: [
      createId("rul", new Date(at), webRandom(10)),
      row.workspace,
      row.effect,
      kind,
      value,
      row.valueTo,
      row.expiresAt,
      at,
    ],
  });
}
async function addRange(text: string) {
  const range = parseRange(text);
  if (!range) throw new Error(text);
  await add("ip", range.first, { valueTo: range.last });
}
async function matches(effect: "allow" | "block", of: RuleSubject) {
  const { rows } = await sql<{ allows: number; blocks: number }>`SELECT * FROM ${matchingRules(of)}`.execute(
    edge.services.db.kysely,
  );
  return rows[0]?.[`${effect}s`] === 1;
}

describe("a rule", () => {
  it.each([
    ["number", "hash"],
    ["country", "ID"],
    ["prefix", "6"],
    ["prefix", "628123"],
    ["prefix", "6281234567890"],
  ])("for the %s %s matches with its own effect only", async (kind, value) => {
    await add(kind, value);
    expect([await matches("block", subject()), await matches("allow", subject())]).toEqual([true, false]);
  });

  it.each([
    ["number", "other"],
    ["number", "ID"],
    ["country", "SG"],
    ["country", ""],
    ["prefix", "7"],
    ["prefix", "62813"],
    ["prefix", "62812345678901"],
    ["prefix", "ID"],
  ])("for the %s %s does not match", async (kind, value) => {
    await add(kind, value);
    expect(await matches("block", subject())).toBe(false);
  });

  it("does not match if it is another workspace's or has expired", async () => {
    const stranger = await edge.addWorkspace();
    await add("country", "ID", { workspace: stranger.id });
    await add("number", "hash", { expiresAt: at });
    expect(await matches("block", subject())).toBe(false);
    expect(await matches("block", subject({ at: at - 1 }))).toBe(true);
  });

  it.each([
    ["203.0.113.0/24", "203.0.113.255", true],
    ["203.0.113.0/24", "203.0.114.0", false],
    ["203.0.113.7", "::ffff:203.0.113.7", true],
    ["2001:db8::/32", "2001:db8:ffff::1", true],
    ["2001:db8::/32", "2001:db9::", false],
    ["2001:db8::/32", "nonsense", false],
  ])("for the range %s and the address %s: %s", async (range, ip, isMatch) => {
    await addRange(range);
    expect([await matches("block", subject({ ip })), await matches("block", subject())]).toEqual([isMatch, false]);
  });

  it("is found by the index, however it is looked for", async () => {
    const { sql: text, parameters } = sql`SELECT * FROM ${matchingRules(subject({ ip: "203.0.113.7" }))}`.compile(
      edge.services.db.kysely,
    );
    const plan = await edge.rows(`EXPLAIN QUERY PLAN ${text}`, ...(parameters as string[]));
    const lines = plan.map((row) => String(row["detail"])).filter((line) => / r( |$)/.test(line));
    expect(lines).toEqual([
      "SEARCH r USING INDEX access_rule_value (workspace_id=? AND kind=? AND value=?)",
      "SEARCH r USING INDEX access_rule_value (workspace_id=? AND kind=? AND value<?)",
    ]);
  });
});
