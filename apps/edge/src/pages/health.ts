import { Hono } from "hono";
import { sql } from "kysely";
import { isUnreachable } from "../db/failures.ts";
import { migrationNames } from "../db/migration-names.ts";
import type { AppEnv } from "../http/app-env.ts";
import type { Services } from "../services.ts";
import { version } from "./landing.ts";

const withinMs = 2_000;

export const health = new Hono<AppEnv>()
  .get("/health", (c) => c.json({ status: "ok", version }))
  .get("/health/ready", async (c) => {
    const database = await databaseState(c.env.services);
    const ready = database === "ok";
    return c.json({ status: ready ? "ok" : "unavailable", checks: { database } }, ready ? 200 : 503);
  });

/** The state in words. The answer is public, so it names no address or error text. */
async function databaseState(services: Services): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), withinMs);
  });
  try {
    const pending = await Promise.race([missingMigrations(services), tooLate]);
    if (pending === "late") return `no answer within ${withinMs} ms`;
    return pending.length === 0 ? "ok" : `migrations are missing: ${pending.join(", ")}; run npx pnpm@10.34.9 migrate`;
  } catch (error) {
    services.log("not ready: the database cannot be read", error);
    return "cannot be read; check LIBSQL_URL and LIBSQL_AUTH_TOKEN";
  } finally {
    clearTimeout(timer);
  }
}

async function missingMigrations({ db }: Services): Promise<string[]> {
  try {
    const { rows } = await db.kysely.executeQuery(sql<{ name: string }>`SELECT name FROM migration`.compile(db.kysely));
    const applied = new Set(rows.map(({ name }) => name));
    return migrationNames.filter((name) => !applied.has(name));
  } catch (error) {
    if (isUnreachable(error)) throw error;
    // The database answers, but has no such table.
    return migrationNames;
  }
}
