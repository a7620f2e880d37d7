import type { AnalyticsSummary, AnalyticsTimeseries } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { countsOf, figuresOf, type Tally } from "../src/analytics/figures.ts";
import { rollUp, shownBucket } from "../src/analytics/roll-up.ts";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const hour = 3600_000;
const now = Date.parse("2026-11-21T08:00:00.000Z");
const sessions = ["ses_01jd3k9v7hq2w8x5n4b6m0c1ta", "ses_01jd3k9v7hq2w8x5n4b6m0c1tb"];

/** One of the values by the draw `h`, in SQL. */
const pick = (by: number, values: string[]) =>
  `CASE h / ${by} % ${values.length} ${values.map((value, i) => `WHEN ${i} THEN '${value}'`).join(" ")} END`;

/** Counts of so many draws, spread over four days. The same draws are in the table `all_counts`, which nothing moves. */
async function addCounts(draws: number, from = 0) {
  const columns = "workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count";
  const stages = [
    "created",
    "created",
    "known_created",
    "sent",
    "delivered",
    "read",
    "approved",
    "expired",
    "unseen:sent",
    "seen:expired",
  ];
  const drawn = `WITH RECURSIVE i(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM i WHERE i + 1 < ${from + draws}),
      draw AS MATERIALIZED (SELECT i * 2654435761 % 4294967296 AS h FROM i)
    SELECT '${edge.workspace.id}', ${pick(1, ["6281234", "6281235", "6289999", "6012345", "6591234"])},
      ${now} - h / 5 % 96 * ${hour}, ${pick(3, ["ID", "MY", "SG"])}, ${pick(7, [...sessions, ""])},
      ${pick(11, ["", "tpl_01jd3k9v7hq2w8x5n4b6m0c1ta"])}, ${pick(13, ["login", "payment"])}, ${pick(17, ["push", "push", "inbound"])},
      ${pick(19, stages)}, (SELECT max(floor_ms) FROM latency_bucket WHERE floor_ms <= 1 + h / 23 % 9000), count(*)
    FROM draw GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10`;
  await edge.client.batch([
    "CREATE TABLE IF NOT EXISTS all_counts AS SELECT * FROM conversion LIMIT 0",
    `INSERT INTO conversion (${columns}) ${drawn} ON CONFLICT DO UPDATE SET count = count + excluded.count`,
    `INSERT INTO all_counts (${columns}) ${drawn}`,
  ]);
}

/** Counts as one table without roll-ups has them. */
async function reference(select: string, { from, to, only }: Query): Promise<Record<string, unknown>[]> {
  const { sql: bucket } = shownBucket.compile(edge.services.db.kysely);
  const { prefix = "", ...values } = only;
  const columns: Record<string, string> = { sessionId: "session_id", templateId: "template_id" };
  const where = Object.entries(values).map(
    ([name, value]) => `AND ${columns[name] ?? name} = '${value === "built-in" ? "" : value}'`,
  );
  return edge.rows(`SELECT ${select}, stage, ${bucket} AS bucket, sum(count) AS count FROM all_counts
    WHERE hour >= ${from} AND hour < ${to} AND prefix GLOB '${prefix}*' ${where.join(" ")} GROUP BY 1, 2, 3`);
}

interface Query {
  from: number;
  to: number;
  only: Record<string, string>;
}

/** The stages as a key with `lookup:read` sees them. */
const seen = (rows: Record<string, unknown>[]) =>
  (rows as unknown as (Tally & { key: string })[]).flatMap((row) => {
    const stage: string = row.stage;
    if (stage === "unseen:sent") return [];
    if (stage !== "seen:expired") return [row];
    return [
      { ...row, stage: "undeliverable" as const },
      { ...row, stage: "expired" as const, count: -row.count },
    ];
  });

const ranges = [
  { from: now - 5 * hour, to: now },
  { from: now - 9 * hour, to: now - 3 * hour },
  { from: now - 25 * hour, to: now + hour },
  { from: now - 95 * hour, to: now - 30 * hour },
  { from: Date.parse("2026-11-19T00:00:00.000Z"), to: Date.parse("2026-11-20T00:00:00.000Z") },
];
const filters: Record<string, string>[] = [
  {},
  { country: "MY" },
  { sessionId: sessions[0]! },
  { templateId: "built-in", mode: "push" },
  { purpose: "payment" },
  { mode: "inbound", country: "ID" },
  ...["6", "628", "6281", "628123", "6281235", "7"].map((prefix) => ({ prefix })),
  { prefix: "62", sessionId: sessions[1]! },
  { prefix: "6281234", purpose: "login" },
];
const queries = ranges.flatMap(({ from, to }) => filters.map((only): Query => ({ from, to, only })));
const groupKeys = {
  country: "country",
  prefix: "prefix",
  session: "session_id",
  template: "template_id",
  purpose: "purpose",
  mode: "mode",
};

const read = async <T>(name: string, { from, to, only }: Query, more: Record<string, string> = {}) => {
  const times = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  const path = `/v1/analytics/${name}?${new URLSearchParams({ ...times, ...only, ...more }).toString()}`;
  const { status, body } = await edge.api<T>(`GET ${path}`);
  expect([path, status]).toEqual([path, 200]);
  return body;
};

const named = (each: { key: string | null }) => each.key ?? "";

describe("counts that are in part rolled up", () => {
  beforeEach(async () => {
    await addCounts(3_000);
    await edge.services.db.write(rollUp(edge.services.db, 900));
    // Some of these are new counts of rows that have moved, some of rows that have not.
    await addCounts(500, 2_000);
  });

  it("are in each table", async () => {
    for (const table of ["conversion", "conversion_prefix", "conversion_day", "conversion_group", "conversion_month"])
      expect([table, (await edge.count(table)) > 5]).toEqual([table, true]);
  });

  it("have the same summaries as one table has", async () => {
    for (const query of queries) {
      const { total, groups } = await read<AnalyticsSummary>("summary", query);
      expect([query, total]).toEqual([query, figuresOf(seen(await reference("''", query)))]);
      expect(groups).toEqual([]);
    }
  });

  it.each(Object.entries(groupKeys))("have the same groups as one table has, by %s", async (groupBy, column) => {
    for (const query of queries) {
      const { total, groups } = await read<AnalyticsSummary>("summary", query, { groupBy });
      const rows = seen(await reference(`${column} AS key`, query));
      const wanted = [...Map.groupBy(rows, ({ key }) => key)].map(([key, tallies]) =>
        Object.assign(figuresOf(tallies), { key: key === "" ? null : key }),
      );
      const sorted = wanted.toSorted((a, b) => b.counts.created - a.counts.created || (named(a) < named(b) ? -1 : 1));
      expect([query, total, groups]).toEqual([query, figuresOf(seen(await reference("''", query))), sorted]);
    }
  });

  it.each(["hour", "day"])("have the same series as one table has, by %s", async (interval) => {
    for (const query of queries) {
      const { from, to, points } = await read<AnalyticsTimeseries>("timeseries", query, { interval });
      const whole = { ...query, from: Date.parse(from), to: Date.parse(to) };
      const steps = Map.groupBy(
        seen(await reference(interval === "day" ? "hour / 86400000 * 86400000 AS key" : "hour AS key", whole)),
        ({ key }) => Number(key),
      );
      const wanted = points.map(({ at }) => ({ at, counts: countsOf(steps.get(Date.parse(at)) ?? []) }));
      expect([query, points]).toEqual([query, wanted]);
    }
  });
});

describe("cron", () => {
  it("rolls up all counts, in bounded batches, and leaves the answers as they are", async () => {
    await addCounts(3_000);
    const query = { from: now - 96 * hour, to: now + hour, only: {} };
    const before = await read("summary", query, { groupBy: "prefix" });
    await runCron(edge.services);
    expect([await edge.count("conversion"), (await edge.count("conversion_day")) > 0]).toEqual([0, true]);
    expect(await read("summary", query, { groupBy: "prefix" })).toEqual(before);
    await runCron(edge.services);
    expect(await read("summary", query, { groupBy: "prefix" })).toEqual(before);
  });

  it("ranks prefixes by the sum of all months of the range", async () => {
    const days = [0, 40, 80];
    const counts = [
      ["6281234", 3],
      ["6281235", 2],
      ["6281236", 4],
    ] as const;
    for (const [i, [prefix, count]] of counts.entries())
      for (const day of days.slice(0, 3 - i))
        await edge.client.execute({
          sql: `INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
            bucket, count) VALUES (?, ?, ?, 'ID', '', '', 'login', 'push', 'created', 1, ?)`,
          args: [edge.workspace.id, prefix, now - day * 24 * hour, count],
        });
    await runCron(edge.services);
    const query = { from: now - 90 * 24 * hour, to: now + hour, only: {} };
    const { groups } = await read<AnalyticsSummary>("summary", query, { groupBy: "prefix" });
    expect(groups.map(({ key, counts: { created } }) => [key, created])).toEqual([
      ["6281234", 9],
      ["6281235", 4],
      ["6281236", 4],
    ]);
  });

  it("writes the verifications of a month once, and not again for each later stage", async () => {
    const written: number[] = [];
    for (const stage of ["created", "sent", "sent", "created"]) {
      await edge.client.execute({
        sql: `INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage,
          bucket, count) VALUES (?, '6281234', ?, 'ID', '', '', 'login', 'push', ?, 1, 1)`,
        args: [edge.workspace.id, now, stage],
      });
      const { byMonth } = await edge.services.db.write(rollUp(edge.services.db));
      written.push(Number(byMonth.numAffectedRows));
    }
    const dimensions = 6;
    expect(written).toEqual([1 + dimensions, 1, 1, 1 + dimensions]);
  });

  it("leaves what is beyond its batches to the next round", async () => {
    const rounds = 16;
    await edge.client.execute({
      sql: `WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < ${rounds * 2_000 + 3})
        INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        SELECT ?, printf('%07d', i), ${now}, 'ID', '', '', 'login', 'push', 'created', 1, 1 FROM i`,
      args: [edge.workspace.id],
    });
    await runCron(edge.services);
    expect(await edge.count("conversion")).toBe(3);
    await runCron(edge.services);
    expect([await edge.count("conversion"), await edge.count("conversion_prefix")]).toEqual([0, rounds * 2_000 + 3]);
  });
});
