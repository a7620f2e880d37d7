import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startTestStack, type TestStack } from "../harness.ts";
import { type BareFigures, measureBareMessages } from "./bare-messages.ts";
import { latencies, loadAverage, percentile, print, type Usage } from "./figures.ts";
import type { LoadReport, LoadRequest } from "./otp-load.ts";
import { labels, type Part, parts, sum, usages } from "./parts.ts";

const steps = ["accepted", "phone", "check"] as const;
type Milliseconds = Record<(typeof steps)[number], number>;

interface Figures {
  codesPerSecond: number;
  cpuMsPerCode: Record<Part, number>;
  p50: Milliseconds;
  p99: Milliseconds;
}

/** The line that `--json` prints: the figures of 16 clients, and below `one` those of one client. */
export interface OtpReport extends Figures {
  one: Figures;
  bareBaileys: BareFigures;
  /** Of one, five and fifteen minutes, at the end. */
  loadAverage: string;
}

/**
 * Measures the time and CPU of an OTP from the API to the phone and back, and of bare Baileys on the same simulator. The
 * clients run in a process of their own, whose CPU time is not counted.
 */
export async function benchOtp(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      otps: { type: "string", default: "1500" },
      clients: { type: "string", default: "1,16" },
      phones: { type: "string", default: "64" },
      json: { type: "boolean", default: false },
    },
  });
  const counts = values.json ? [1, 16] : values.clients.split(",").map(Number);
  const most = Math.max(8, ...counts);
  if (!(Number(values.phones) >= most)) throw new Error(`--phones must be at least ${most}: each client has its own`);
  const phones = Array.from({ length: Number(values.phones) }, (_, i) => `+628130001${String(i).padStart(4, "0")}`);
  if (!values.json) print(`load average ${loadAverage()} before`);
  const stack = await startTestStack({ connectorEnv: () => ({ LOG_LEVEL: "warn" }) });
  try {
    for (const phone of phones) await stack.addPhone(phone);
    await runClients({ local: stack.local, phones, otps: phones.length * 4, clients: 8, label: "warm" });
    const measured = new Map<number, Figures>();
    for (const clients of counts) {
      const otps = clients === 1 ? Math.ceil(Number(values.otps) / 3) : Number(values.otps);
      const { figures, report, after } = await measure(stack, { phones, otps, clients });
      measured.set(clients, figures);
      if (!values.json) printFigures({ clients, otps, figures, report, after });
    }
    const bareBaileys = await measureBareMessages(stack, { recipients: phones, messages: Number(values.otps) });
    if (values.json) {
      const report = { ...measured.get(16), one: measured.get(1), bareBaileys, loadAverage: loadAverage() };
      return print(JSON.stringify(report));
    }
    const { messagesPerSecond, cpuMsPerMessage } = bareBaileys;
    print(`\nbare Baileys, 16 messages in flight, to known recipients`);
    print(`  throughput           ${messagesPerSecond.toFixed(0)} messages/s`);
    print(`  CPU per message      ${cpuMsPerMessage.toFixed(2)} ms`);
    for (const [clients, { cpuMsPerCode }] of measured) {
      const ours = cpuMsPerCode.edge + cpuMsPerCode.connector;
      const ratios = [ours, sum(cpuMsPerCode)].map((ms) => (ms / cpuMsPerMessage).toFixed(1));
      print(`  an OTP at ${String(clients).padEnd(11)}${ratios[0]} × edge and connector, ${ratios[1]} × all processes`);
    }
    print(`\nload average ${loadAverage()} after`);
  } finally {
    await stack.destroy();
  }
}

interface Measured {
  figures: Figures;
  report: LoadReport;
  after: Record<Part, Usage>;
}

async function measure(
  stack: TestStack,
  { clients, otps, phones }: Pick<LoadRequest, "clients" | "otps" | "phones">,
): Promise<Measured> {
  const before = usages(stack);
  const report = await runClients({ local: stack.local, phones, otps, clients, label: `c${clients}` });
  const after = usages(stack);
  const at = (share: number): Milliseconds => ({
    accepted: percentile(report.accepted, share),
    phone: percentile(report.onPhone, share),
    check: percentile(report.checked, share),
  });
  const cpuMsPerCode = Object.fromEntries(
    parts.map((part) => [part, (after[part].cpuMs - before[part].cpuMs) / otps]),
  ) as Record<Part, number>;
  return {
    figures: { codesPerSecond: otps / report.seconds, cpuMsPerCode, p50: at(0.5), p99: at(0.99) },
    report,
    after,
  };
}

function printFigures({ clients, otps, figures, report, after }: Measured & { clients: number; otps: number }): void {
  print(`\n${clients} client${clients === 1 ? "" : "s"}, ${otps} OTPs to known recipients`);
  print(`  accepted (202)       ${latencies(report.accepted)}`);
  print(`  on the phone         ${latencies(report.onPhone)}`);
  print(`  check (200)          ${latencies(report.checked)}`);
  print(`  throughput           ${figures.codesPerSecond.toFixed(0)} OTPs/s, each sent, shown and checked`);
  print(`  CPU per OTP          ${sum(figures.cpuMsPerCode).toFixed(2)} ms in all processes`);
  for (const part of parts) {
    print(
      `    ${labels[part].padEnd(20)}${figures.cpuMsPerCode[part].toFixed(2)} ms   RSS ${after[part].rssMb.toFixed(0)} MB`,
    );
  }
}

function runClients(request: LoadRequest): Promise<LoadReport> {
  const child = fork(fileURLToPath(new URL("otp-load.ts", import.meta.url)));
  return new Promise((resolve, reject) => {
    child.once("message", (report) => resolve(report as LoadReport));
    child.once("exit", (code) => code !== 0 && reject(new Error(`the clients ended with code ${code}`)));
    child.send(request);
  });
}
