import { benchBatch } from "./batch.ts";
import { benchCheck } from "./check.ts";
import { benchCompare } from "./compare.ts";
import { benchGrowth } from "./growth.ts";
import { benchMedia } from "./media.ts";
import { benchMessages } from "./messages.ts";
import { benchOtp } from "./otp.ts";
import { benchSoak } from "./soak.ts";
import { benchWebhooks } from "./webhooks.ts";
import { benchSessions } from "./sessions.ts";

const benches: Record<string, (args: string[]) => Promise<void>> = {
  otp: benchOtp,
  check: benchCheck,
  sessions: benchSessions,
  growth: benchGrowth,
  media: benchMedia,
  soak: benchSoak,
  messages: benchMessages,
  batch: benchBatch,
  webhooks: benchWebhooks,
  compare: benchCompare,
};
const [name = "", ...args] = process.argv.slice(2);
const bench = benches[name];

// Without a listener the process would end and leave its children behind.
process.once("SIGINT", () => process.exit(130));

if (bench) {
  await bench(args).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
} else {
  process.stderr.write(`usage: pnpm bench ${Object.keys(benches).join("|")}\n`);
  process.exitCode = 2;
}
