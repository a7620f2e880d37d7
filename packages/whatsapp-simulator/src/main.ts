import { parseArgs } from "node:util";
import { startSimulator } from "./index.ts";

const usage = `Usage: node src/main.ts [--port 4300] [--host 127.0.0.1] [--state .data/whatsapp.json] [--latency 0] [--read-delay 5]
Environment: WHATSAPP_SIMULATOR_PORT, WHATSAPP_SIMULATOR_HOST, WHATSAPP_SIMULATOR_STATE. Flags win.`;

/** libsignal prints sessions, private keys included, through console; nothing here needs console. */
function silenceConsole(): void {
  for (const method of ["log", "info", "warn", "error", "debug"] as const) console[method] = () => {};
}

function wholeNumber(name: string, value: string, atMost: number): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0 || number > atMost) {
    throw new Error(`${name} must be a whole number up to ${atMost}, not ${value}`);
  }
  return number;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: process.env["WHATSAPP_SIMULATOR_PORT"] ?? "4300" },
      host: { type: "string", default: process.env["WHATSAPP_SIMULATOR_HOST"] ?? "127.0.0.1" },
      state: { type: "string", default: process.env["WHATSAPP_SIMULATOR_STATE"] ?? "" },
      latency: { type: "string", default: "0" },
      "read-delay": { type: "string", default: "5" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  return {
    help: values.help,
    simulator: {
      port: wholeNumber("--port", values.port, 65_535),
      host: values.host,
      latencyMs: wholeNumber("--latency", values.latency, 600_000),
      readDelayMs: wholeNumber("--read-delay", values["read-delay"], 600_000),
      ...(values.state && { stateFile: values.state }),
    },
  };
}

async function main(): Promise<void> {
  const { help, simulator: options } = readOptions();
  if (help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  silenceConsole();
  const simulator = await startSimulator(options);
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      simulator.close().then(
        () => process.exit(0),
        (error: unknown) => fail(error),
      );
    });
  }
  const { httpUrl, url, rootKey } = simulator;
  process.stdout.write(`simulated WhatsApp ready: page ${httpUrl} wsUrl ${url} rootKey ${rootKey}\n`);
}

function fail(error: unknown): never {
  process.stderr.write(`simulated WhatsApp: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

await main().catch(fail);
