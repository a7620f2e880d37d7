/** Changes a workspace's quota and prints the new quota. */
import { webRandom } from "@sandi/crypto";
import { setQuota } from "../src/setup.ts";
import { operate } from "./operate.ts";

const usage = "set-quota WORKSPACE_ID sendsPerDay=50000 [keyPerSecond=default retentionDays.audit=730 …]";
const [workspaceId = "", ...settings] = process.argv.slice(2);

await operate(usage, async (client) => {
  const pairs = settings.map((setting) => /^([\w.]+)=(\d+|default)$/.exec(setting));
  if (!workspaceId || pairs.length === 0 || pairs.includes(null)) throw new Error(`usage: ${usage}`);
  const quota: Settings = {};
  for (const pair of pairs) set(quota, pair?.[1]?.split(".") ?? [], pair?.[2] === "default" ? null : Number(pair?.[2]));
  const granted = await setQuota({ client, now: new Date(), random: webRandom, workspaceId, quota });
  for (const [name, value] of listed(granted)) process.stdout.write(`${name.padEnd(28)}${value}\n`);
});

interface Settings {
  [name: string]: number | null | Settings;
}

/** Sets the field of a path such as `retentionDays.audit`. */
function set(target: Settings, [name = "", ...rest]: readonly string[], value: number | null): void {
  if (rest.length === 0) target[name] = value;
  else set((target[name] ??= {}) as Settings, rest, value);
}

function listed(granted: object, within = ""): [string, number][] {
  return Object.entries(granted).flatMap(([name, value]: [string, number | object]): [string, number][] =>
    typeof value === "object" ? listed(value, `${name}.`) : [[within + name, value]],
  );
}
