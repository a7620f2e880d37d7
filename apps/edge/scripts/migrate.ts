/** Brings the edge's database to the newest schema and prints the steps applied. Safe to run again. */
import { createClient } from "@libsql/client";
import { migrateDatabase } from "../src/setup.ts";

const { LIBSQL_URL: url, LIBSQL_AUTH_TOKEN: authToken } = process.env;
if (!url) {
  process.stderr.write("usage: LIBSQL_URL=libsql://… [LIBSQL_AUTH_TOKEN=…] pnpm migrate\n");
  process.exit(2);
}

const client = createClient({ url, ...(authToken ? { authToken } : {}) });
try {
  const applied = await migrateDatabase(client, new Date());
  for (const name of applied) process.stdout.write(`applied ${name}\n`);
  if (applied.length === 0) process.stdout.write("up to date\n");
} finally {
  client.close();
}
