/** Grants a workspace more or less than the default and prints what it has now. */
import { webRandom } from "@sandi/crypto";
import { setQuota } from "../src/setup.ts";
import { operate } from "./operate.ts";

const usage = "set-quota WORKSPACE_ID sendsPerDay=50000 [keyPerSecond=default …]";
const [workspaceId = "", ...settings] = process.argv.slice(2);

await operate(usage, async (client) => {
  const pairs = settings.map((setting) => /^(\w+)=(\d+|default)$/.exec(setting));
  if (!workspaceId || pairs.length === 0 || pairs.includes(null)) throw new Error(`usage: ${usage}`);
  const quota = Object.fromEntries(
    pairs.map((pair) => [pair?.[1] ?? "", pair?.[2] === "default" ? null : Number(pair?.[2])]),
  );
  const granted = await setQuota({ client, now: new Date(), random: webRandom, workspaceId, quota });
  for (const [name, value] of Object.entries(granted)) process.stdout.write(`${name.padEnd(22)}${value}\n`);
});
