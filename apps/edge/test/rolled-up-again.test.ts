import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@libsql/client";
import { createDatabase, migrate } from "@sandi/libsql";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Counted } from "../src/analytics/matching.ts";
import { dayMs, hourMs } from "../src/analytics/range.ts";
import { findSteps, findSummary } from "../src/analytics/repository.ts";
import type { Tables } from "../src/db/schema.ts";
import { migrateDatabase, migrations, rollUpCounts } from "../src/setup.ts";

let folder: string;
let client: Client;
const now = new Date("2026-11-21T08:00:00Z");
const thisHour = now.getTime();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sandi-edge-"));
  client = createClient({ url: `file:${join(folder, "edge.db")}` });
});
afterEach(() => {
  client.close();
  rmSync(folder, { recursive: true, force: true });
});

const columns = "workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count";
const stages = ["created", "sent", "approved"];

/** Counts of 30 prefixes in 40 days: of each prefix every hour of six, and of all prefixes one hour in common. */
const drawn = Array.from({ length: 30 }, (_, i) => i).flatMap((i) =>
  [0, 5, 11, 23, 100, 900].flatMap((age) =>
    stages.map((stage, late) => ({
      prefix: String(6281000 + i),
      hour: thisHour - (age === 0 ? 0 : age + i) * hourMs,
      country: i % 3 === 0 ? "MY" : "ID",
      stage,
      bucket: late === 0 ? 1 : 64 * late,
      count: 1 + ((i * 7 + age) % 5),
    })),
  ),
);
type Drawn = (typeof drawn)[number];

const row = ({ prefix, hour, country, stage, bucket, count }: Drawn) =>
  `('ws_1', '${prefix}', ${hour}, '${country}', 'ses_1', '', 'login', 'push', '${stage}', ${bucket}, ${count})`;

/** What the version before had: the second half of the counts is rolled up, and so are some of the first. */
async function fillFormerDatabase() {
  const before = migrations.findIndex(({ name }) => name === "0033_prefix_ranks");
  await migrate(client, migrations.slice(0, before), now);
  const h = Array.from({ length: 24 }, (_, hour) => `iif(hour / ${hourMs} % 24 = ${hour}, count, 0)`).join(", ");
  const rolledUp = drawn.slice(drawn.length / 2 - 40);
  const day = `hour / ${dayMs} * ${dayMs}`;
  await client.batch([
    "INSERT INTO workspace (id, name, created_at) VALUES ('ws_1', 'Acme', 0)",
    `INSERT INTO conversion (${columns}) VALUES ${drawn
      .slice(0, drawn.length / 2)
      .map(row)
      .join(", ")}`,
    `INSERT INTO conversion_prefix (${columns}) VALUES ${rolledUp.map(row).join(", ")}`,
    ...["", "628100", "6281001"].map(
      (key) => `INSERT OR IGNORE INTO conversion_group SELECT workspace_id, ${day}, '${key === "" ? "all" : "prefix"}',
        '${key}', stage, bucket, count, ${h} FROM conversion_prefix`,
    ),
    `INSERT OR IGNORE INTO conversion_day SELECT workspace_id, ${day}, stage, bucket, substr(prefix, 1, 4), country, session_id,
      template_id, purpose, mode, count, ${h} FROM conversion_prefix`,
    `INSERT OR IGNORE INTO conversion_rank SELECT workspace_id, hour / ${32 * dayMs}, prefix, ${day}, count, ${h}
      FROM conversion_prefix WHERE stage = 'created'`,
  ]);
  return [...drawn.slice(0, drawn.length / 2), ...rolledUp];
}

const ranges = [1, 24, 30, 24 * 7, 24 * 45].map((hours) => ({
  from: thisHour - (hours - 1) * hourMs,
  to: thisHour + hourMs,
}));
const filters = [
  {},
  { country: "MY" },
  { prefix: "628100" },
  { prefix: "6281001" },
  { country: "ID", purpose: "login" },
];

const created = (each: readonly { stage: string; count: number }[]) =>
  each.reduce((sum, { stage, count }) => (stage === "created" ? sum + count : sum), 0);

const sumsOf = (rows: readonly (Counted & { key?: string })[]) => {
  const sums = Map.groupBy(
    rows,
    ({ key = "", stage, bucket }) => `${key} ${stage} ${stage === "created" ? 0 : bucket}`,
  );
  return [...sums]
    .map(([name, each]) => `${name}: ${each.reduce((sum, { count }) => sum + count, 0)}`)
    .toSorted((a, b) => a.localeCompare(b));
};

async function expectAnswersOf(counts: readonly Drawn[]) {
  const db = createDatabase<Tables>(client);
  for (const range of ranges) {
    for (const only of filters) {
      const matching = counts.filter(
        ({ hour, country, prefix }) =>
          hour >= range.from &&
          hour < range.to &&
          country === (only.country ?? country) &&
          prefix.startsWith(only.prefix ?? ""),
      );
      const byPrefix = await findSummary(db, "ws_1", { range, only, by: "prefix" });
      expect(sumsOf(byPrefix.groups)).toEqual(sumsOf(matching.map((each) => ({ ...each, key: each.prefix }))));
      expect(sumsOf(byPrefix.total)).toEqual(sumsOf(matching));
      const steps = await findSteps(db, "ws_1", { range, only, stepMs: hourMs });
      expect(created(steps.filter(({ at }) => at >= range.from && at < range.to))).toBe(created(matching));
    }
  }
  const { rows } = await client.execute("SELECT sum(count) AS n FROM conversion_by_prefix");
  expect(rows[0]?.["n"]).toBe(counts.reduce((sum, { count }) => sum + count, 0));
}

const count = async (table: string) => (await client.execute(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.["n"];

it("counts that an older database had rolled up are right at once, and are rolled up again in parts", async () => {
  const counts = await fillFormerDatabase();
  await migrateDatabase(client, now);
  expect([await count("conversion_earlier"), await count("conversion_month")]).toEqual([drawn.length / 2 + 40, 0]);
  await expectAnswersOf(counts);

  expect(await rollUpCounts(client, 100)).toBe(100);
  expect(await count("conversion_earlier")).toBe(drawn.length / 2 - 60);
  await expectAnswersOf(counts);

  while ((await rollUpCounts(client, 100)) === 100);
  expect([await count("conversion_earlier"), await count("conversion")]).toEqual([0, 0]);
  expect(await count("conversion_month")).toBeGreaterThan(0);
  await expectAnswersOf(counts);
});
