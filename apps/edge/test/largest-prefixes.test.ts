import type { AnalyticsSummary } from "@sandi/contracts";
import { beforeEach, expect, it } from "vitest";
import { rollUp } from "../src/analytics/roll-up.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const hour = 3600_000;
const day = 24 * hour;
const now = Date.parse("2026-11-21T08:00:00.000Z");
const sessions = ["ses_01jd3k9v7hq2w8x5n4b6m0c1ta", "ses_01jd3k9v7hq2w8x5n4b6m0c1tb"];

/** Numbers that look random and are the same in each run. */
function drawsFrom(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

/** Adds counts of 600 prefixes in 100 days: some prefixes have many, and many have as many as others. */
async function addCounts(seed: number, rows: number) {
  const draw = drawsFrom(seed);
  const drawn = Array.from({ length: rows }, () => [
    String(6281000 + draw(2) * draw(500) + draw(100)),
    now - (draw(3) === 0 ? draw(100 * 24) : draw(50)) * hour,
    ["ID", "ID", "MY", "SG"][draw(4)],
    sessions[draw(2)],
    ["login", "payment", "signup"][draw(3)],
    ["push", "push", "inbound"][draw(3)],
    ["created", "created", "sent", "approved", "expired"][draw(5)],
    1 + draw(3),
  ]);
  const values = `SELECT ? AS workspace_id, value ->> 0 AS prefix, value ->> 1 AS hour, value ->> 2 AS country,
      value ->> 3 AS session_id, '' AS template_id, value ->> 4 AS purpose, value ->> 5 AS mode, value ->> 6 AS stage,
      1 AS bucket, sum(value ->> 7) AS count FROM json_each(?) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9`;
  const columns = "workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count";
  const args = [edge.workspace.id, JSON.stringify(drawn)];
  await edge.client.batch([
    "CREATE TABLE IF NOT EXISTS all_counts AS SELECT * FROM conversion LIMIT 0",
    { sql: `INSERT INTO conversion (${columns}) ${values}`, args },
    { sql: `INSERT INTO all_counts (${columns}) ${values}`, args },
  ]);
}

/** The order that sums of all prefixes give. */
async function sorted({ from, to }: { from: number; to: number }, only: Record<string, string>) {
  const { prefix = "", sessionId, ...values } = only;
  const where = Object.entries({ ...values, ...(sessionId && { session_id: sessionId }) });
  return edge.rows(`SELECT prefix AS key, sum(iif(stage = 'created', count, 0)) AS created,
      sum(iif(stage = 'sent', count, 0)) AS sent, sum(iif(stage = 'approved', count, 0)) AS approved FROM all_counts
    WHERE hour >= ${from} AND hour < ${to} AND prefix GLOB '${prefix}*'
      ${where.map(([column, value]) => `AND ${column} = '${value}'`).join(" ")}
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100`);
}

const filters: Record<string, string>[] = [
  {},
  { country: "ID" },
  { country: "FR" },
  { sessionId: sessions[0]! },
  { templateId: "built-in" },
  { purpose: "payment" },
  { mode: "inbound" },
  { prefix: "6281" },
  { prefix: "628104" },
  { prefix: "62810", purpose: "login" },
  { mode: "push", country: "MY" },
  { mode: "push", country: "ID", prefix: "628100" },
];

/** With hours of other time zones: a range begins and ends within a day (UTC). */
function rangesFrom(seed: number) {
  const draw = drawsFrom(seed);
  const drawn = [1, 2, 30, 60, 24, 26, 70, 24 * 7, 24 * 33, 24 * 70, 24 * 92].map((hours) => {
    const to = now + hour - draw(3) * draw(40) * hour;
    return { from: to - hours * hour, to };
  });
  const midnight = Math.floor(now / day) * day;
  return [...drawn, { from: midnight - 7 * day, to: midnight }, { from: midnight - 92 * day, to: midnight }];
}

beforeEach(async () => {
  await addCounts(1, 6_000);
  await edge.services.db.write(rollUp(edge.services.db, 3_000));
  await edge.services.db.write(rollUp(edge.services.db, 100_000));
  // Some are new counts of prefixes that are rolled up, some are of new prefixes.
  await addCounts(2, 400);
  await edge.services.db.write(rollUp(edge.services.db, 200));
});

it.each(filters)("the largest prefixes are those of the sums of all prefixes: %o", async (only) => {
  for (const range of rangesFrom(3)) {
    const times = { from: new Date(range.from).toISOString(), to: new Date(range.to).toISOString() };
    const query = new URLSearchParams({ ...times, ...only, groupBy: "prefix" }).toString();
    const { body } = await edge.api<AnalyticsSummary>(`GET /v1/analytics/summary?${query}`);
    const groups = body.groups.map(({ key, counts: { created, sent, approved } }) => ({
      key,
      created,
      sent,
      approved,
    }));
    const { templateId: _, ...columns } = only;
    expect([times, groups]).toEqual([times, await sorted(range, columns)]);
  }
});
