import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const source = fileURLToPath(import.meta.resolve("../src"));

/** What opens and closes incidents, and which files may write it: each stores the incidents in the same batch. */
const watched = [
  { table: "session", columns: ["state", "reason", "account"], writers: ["events/session-statements.ts"] },
  {
    table: "session",
    columns: ["paused_until", "new_chats_locked_until", "new_chats_total", "new_chats_used", "new_chats_reset_at"],
    writers: ["events/link-account.ts", "events/session-statements.ts"],
  },
  {
    table: "session",
    columns: ["proxy", "proxy_healthy"],
    writers: ["desired-state/change-proxy.ts", "events/session-statements.ts"],
  },
  {
    table: "endpoint",
    columns: ["paused_at"],
    writers: ["outbound/change-endpoint.ts", "outbound/endpoint-health.ts", "outbound/orphans.ts"],
  },
];

const camelCase = (name: string) => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const writersOf = (
  files: readonly (readonly [name: string, text: string])[],
  { table, columns }: (typeof watched)[0],
) => {
  const [snake, camel] = [columns.join("|"), columns.map(camelCase).join("|")];
  const patterns = [
    new RegExp(String.raw`UPDATE (?:OR \w+ )?${table} SET(?:(?!\bWHERE\b)[^${"`"}])*?[\s,](?:${snake})\s*=`),
    new RegExp(String.raw`updateTable\("${table}"\)[\s\S]*?\b(?:${camel}):`),
    new RegExp(String.raw`changeRow<[\s\S]*?table: "${table}"[\s\S]*?columns: \[[^\]]*"(?:${camel})"`),
  ];
  return files
    .filter(([name, text]) => !name.startsWith("db/migrations/") && patterns.some((pattern) => pattern.test(text)))
    .map(([name]) => name)
    .toSorted();
};

it.each(watched)("only the files that store incidents write $table.$columns", (what) => {
  const names = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  expect(names.length).toBeGreaterThan(150);
  expect(
    writersOf(
      names.map((name) => [name, readFileSync(join(source, name), "utf8")]),
      what,
    ),
  ).toEqual(what.writers);
});

it("and another file that writes them is found", () => {
  const planted = [
    "sql`UPDATE session SET updated_at = 1, state = 'waiting' WHERE id = 1`",
    'db.updateTable("session").set({ reason: null })',
    'changeRow<Row>(ctx, { table: "session", columns: ["name", "account"] })',
    "sql`UPDATE session SET since = 1, updated_at = 2 WHERE state = 'online'`",
    "sql`UPDATE workspace SET state = 'x'`",
  ];
  const files = planted.map((text, i) => [`${i}.ts`, text] as const);
  expect(writersOf(files, watched[0]!)).toEqual(["0.ts", "1.ts", "2.ts"]);
});
