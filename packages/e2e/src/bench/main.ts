import { benchOtp } from "./otp.ts";

const benches: Record<string, (args: string[]) => Promise<void>> = { otp: benchOtp };
const [name = "", ...args] = process.argv.slice(2);
const bench = benches[name];

if (bench) {
  await bench(args);
} else {
  process.stderr.write(`usage: pnpm bench ${Object.keys(benches).join("|")}\n`);
  process.exitCode = 2;
}
