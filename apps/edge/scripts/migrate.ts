/** Migrates the edge's database to the newest schema and prints the applied migrations. Safe to run again. */
import { migrateDatabase, rollUpCounts } from "../src/setup.ts";
import { operate } from "./operate.ts";

const countsAtOnce = 5_000;

await operate("migrate", async (client) => {
  const applied = await migrateDatabase(client, new Date());
  for (const name of applied) process.stdout.write(`applied ${name}\n`);
  process.stdout.write("up to date\n");
  // Cron does this too, but a database of an earlier version may have millions of counts. The new edge works meanwhile.
  while ((await rollUpCounts(client, countsAtOnce)) === countsAtOnce);
});
