import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startTestStack } from "../harness.ts";
import { latencies, loadAverage, print, type Usage, usageOf, workerdPids } from "./figures.ts";
import type { LoadReport, LoadRequest } from "./otp-load.ts";

/**
 * Measures the time and CPU of an OTP from the API to the phone and back. The clients run in a process of their own, whose
 * CPU time is not counted.
 */
export async function benchOtp(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      otps: { type: "string", default: "1500" },
      clients: { type: "string", default: "1,16" },
      phones: { type: "string", default: "64" },
    },
  });
  const most = Math.max(8, ...values.clients.split(",").map(Number));
  if (!(Number(values.phones) >= most)) throw new Error(`--phones must be at least ${most}: each client has its own`);
  const phones = Array.from({ length: Number(values.phones) }, (_, i) => `+628130001${String(i).padStart(4, "0")}`);
  print(`load average ${loadAverage()} before`);
  const stack = await startTestStack({ connectorEnv: () => ({ LOG_LEVEL: "warn" }) });
  try {
    for (const phone of phones) await stack.addPhone(phone);
    const base = { local: stack.local, phones };
    await runClients({ ...base, otps: phones.length * 4, clients: 8, label: "warm" });
    for (const clients of values.clients.split(",").map(Number)) {
      const otps = clients === 1 ? Math.ceil(Number(values.otps) / 3) : Number(values.otps);
      const before = usages(stack.connector.pid, stack.simulator?.pid);
      const report = await runClients({ ...base, otps, clients, label: `c${clients}` });
      const after = usages(stack.connector.pid, stack.simulator?.pid);
      print(`\n${clients} client${clients === 1 ? "" : "s"}, ${otps} OTPs to known recipients`);
      print(`  accepted (202)       ${latencies(report.accepted)}`);
      print(`  on the phone         ${latencies(report.onPhone)}`);
      print(`  check (200)          ${latencies(report.checked)}`);
      print(`  throughput           ${(otps / report.seconds).toFixed(0)} OTPs/s, each sent, shown and checked`);
      const total = Object.keys(after).reduce((sum, part) => sum + cost(before, after, part), 0) / otps;
      print(`  CPU per OTP          ${total.toFixed(2)} ms in all processes`);
      for (const part of Object.keys(after)) {
        const ms = cost(before, after, part) / otps;
        print(`    ${part.padEnd(18)} ${ms.toFixed(2)} ms   RSS ${(after[part]?.rssMb ?? 0).toFixed(0)} MB`);
      }
    }
    print(`\nload average ${loadAverage()} after`);
  } finally {
    await stack.destroy();
  }
}

function usages(connector: number | undefined, simulator: number | undefined): Record<string, Usage> {
  const workers = workerdPids().map((pid) => usageOf(pid));
  const parts = {
    "edge (workerd)": {
      cpuMs: workers.reduce((sum, each) => sum + (each?.cpuMs ?? 0), 0),
      rssMb: workers.reduce((sum, each) => sum + (each?.rssMb ?? 0), 0),
    },
    connector: connector ? usageOf(connector) : undefined,
    simulator: simulator ? usageOf(simulator) : undefined,
    "libSQL+Redis+QStash": usageOf(process.pid),
  };
  return Object.fromEntries(Object.entries(parts).flatMap(([part, usage]) => (usage ? [[part, usage]] : [])));
}

const cost = (before: Record<string, Usage>, after: Record<string, Usage>, part: string) =>
  (after[part]?.cpuMs ?? 0) - (before[part]?.cpuMs ?? 0);

function runClients(request: LoadRequest): Promise<LoadReport> {
  const child = fork(fileURLToPath(new URL("otp-load.ts", import.meta.url)));
  return new Promise((resolve, reject) => {
    child.once("message", (report) => resolve(report as LoadReport));
    child.once("exit", (code) => code !== 0 && reject(new Error(`the clients ended with code ${code}`)));
    child.send(request);
  });
}
