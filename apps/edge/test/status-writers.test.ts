import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const source = fileURLToPath(import.meta.resolve("../src"));
/** The life cycles write the status. Migrations are frozen. */
const isAllowed = (file: string) => file.endsWith("/life.ts") || file.startsWith("db/migrations/");

/** An UPDATE of one of the two tables that sets the status, through SQL or through kysely. */
const writes = [
  /UPDATE (?:OR \w+ )?(?:message|verification)\b(?:(?!\bWHERE\b|`)[\s\S])*?\bstatus\s*=/i,
  /updateTable\("(?:message|verification)"\)[\s\S]*?status:/,
  /INTO (?:message|verification) (?:(?!`)[\s\S])*?DO UPDATE\s+SET(?:(?!\bWHERE\b|`)[\s\S])*?\bstatus\s*=/i,
];

const offenders = (files: readonly (readonly [name: string, text: string])[]) =>
  files
    .filter(([name, text]) => !isAllowed(name) && writes.some((pattern) => pattern.test(text)))
    .map(([name]) => name);

it("only the life cycles change the status of messages and verifications", () => {
  const names = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  expect(names.length).toBeGreaterThan(150);
  expect(offenders(names.map((name) => [name, readFileSync(join(source, name), "utf8")]))).toEqual([]);
});

it("and a statement elsewhere that does so is found", () => {
  const planted = [
    "sql`UPDATE message SET sealed = NULL, status = 'failed' WHERE id = 1`",
    'sql`UPDATE verification AS v INDEXED BY x SET status = ${"expired"}, updated_at = 1`',
    'db.updateTable("message").set({ status: "failed" })',
    "sql`INSERT INTO message (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET status = 'canceled'`",
  ];
  const fine =
    "sql`UPDATE message SET expires_at = 1 WHERE status = 'queued'`; sql`UPDATE delivery SET status = 'failed'`";
  expect(offenders([...planted.map((text, i) => [`${i}.ts`, text] as const), ["fine.ts", fine]])).toEqual([
    "0.ts",
    "1.ts",
    "2.ts",
    "3.ts",
  ]);
});
