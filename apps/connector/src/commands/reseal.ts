/** Seals everything in the connector's database under the first key of STORE_KEYS. Connectors may run meanwhile. */
import { parseArgs } from "node:util";
import { systemServices } from "../services.ts";
import { findKeysOfMembers } from "../store/member-keys.ts";
import { resealStore } from "../store/reseal.ts";
import { operate } from "./operate.ts";

await operate("reseal", async ({ store, keys }) => {
  parseArgs({ options: {} });
  const { kid } = keys.current;
  const others = (await findKeysOfMembers(store, systemServices.now())).filter(({ kids }) => kids[0] !== kid);
  if (others.length > 0) {
    const names = others.map(({ run }) => run.slice(0, run.lastIndexOf("."))).join(", ");
    throw new Error(
      `Nothing was resealed: these connectors do not seal under ${kid} and could open nothing any more: ${names}. Put ${kid} first in STORE_KEYS of each, before the old key, and restart it. Run this again a few seconds after the last restart.`,
    );
  }
  const report = await resealStore(store, keys, systemServices);
  for (const { column, resealed, remaining, unopened } of report) {
    const left = remaining === 0 ? "" : `  ${remaining} remain${unopened > 0 ? `, ${unopened} do not open` : ""}`;
    process.stdout.write(`${column.padEnd(20)}${String(resealed).padStart(8)} resealed${left}\n`);
  }
  const remaining = report.reduce((sum, one) => sum + one.remaining, 0);
  if (remaining === 0)
    process.stdout.write(`Everything is sealed under ${kid}. Remove the other keys from STORE_KEYS.\n`);
  else throw new Error(`${remaining} values are not sealed under ${kid}: keep the other keys, and run it again.`);
});
