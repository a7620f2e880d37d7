/** Migrates the edge's database to the newest schema and prints the applied migrations. Safe to run again. */
import { migrateDatabase } from "../src/setup.ts";
import { operate } from "./operate.ts";

await operate("migrate", async (client) => {
  const applied = await migrateDatabase(client, new Date());
  for (const name of applied) process.stdout.write(`applied ${name}\n`);
  if (applied.length === 0) process.stdout.write("up to date\n");
});
