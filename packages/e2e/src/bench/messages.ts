import { fork } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { noise, pngOf } from "../files.ts";
import { startTestStack, type TestStack } from "../harness.ts";
import { type BareFigures, bareFigures, withBareBaileys } from "./bare-messages.ts";
import { latencies, loadAverage, percentile, print } from "./figures.ts";
import { type Leg, legsOf, sizeOfFolder } from "./legs.ts";
import type { MessageLoad, MessageLoadReport } from "./message-load.ts";
import { labels, type Part, parts, sum, usages } from "./parts.ts";

/** The messages of one kind. Each client has one message on its way. */
interface Kind {
  name: string;
  clients: number;
  file?: MessageLoad["file"] & { bytes: Buffer };
}

interface Figures {
  messages: number;
  messagesPerSecond: number;
  cpuMsPerMessage: Record<Part, number>;
  accepted: { p50: number; p95: number };
  onPhone: { p50: number; p95: number };
  legs: Leg[];
  bareBaileys: BareFigures;
  /** CPU time of edge and connector, and of all processes, as multiples of bare Baileys'. */
  ratio: { own: number; all: number };
}

const png = pngOf(182, 183);
const pdf = Buffer.concat([Buffer.from("%PDF-1.7\n"), noise(5_000_000 - 9)]);
const kinds: Kind[] = [
  { name: "text", clients: 16 },
  { name: "image, 100 KB", clients: 4, file: { kind: "image", mimeType: "image/png", path: "", bytes: png } },
  { name: "document, 5 MB", clients: 2, file: { kind: "document", mimeType: "application/pdf", path: "", bytes: pdf } },
];
const warmUps = 2;
const warmSeconds = 5;

/**
 * Measures texts, pictures and documents from the API to the phone, which downloads and opens each file, and bare Baileys
 * that sends the same on the same simulator. It takes two minutes at most: `--seconds` is the time of each of six loads.
 */
export async function benchMessages(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "6" },
      messages: { type: "string", default: "1000" },
      phones: { type: "string", default: "32" },
      json: { type: "boolean", default: false },
    },
  });
  const [seconds, most] = [Number(values.seconds), Number(values.messages)];
  if (!(seconds > 0 && seconds <= 10)) throw new Error("--seconds must be 1 to 10");
  const say = (line: string) => values.json || print(line);
  const phones = Array.from({ length: Number(values.phones) }, (_, i) => `+628130003${String(i).padStart(4, "0")}`);
  say(`load average ${loadAverage()} before`);
  const stack = await startTestStack({ connectorEnv: () => ({ LOG_LEVEL: "info" }) });
  try {
    for (const phone of phones) await stack.addPhone(phone);
    const policy = { messagesPerRecipientPerHour: 10_000, messagesPerRecipientPerDay: 100_000 };
    const { status } = await stack.api("PATCH /v1/workspace", { policy });
    if (status !== 200) throw new Error(`PATCH /v1/workspace: ${status}`);
    const measured: Record<string, Figures> = {};
    await withBareBaileys(stack, async (send) => {
      for (const { name, clients, file: given } of kinds) {
        const file = given && (await written(stack, name, given));
        const load = { local: stack.local, phones, clients, seconds, most, ...(file ? { file } : {}) };
        await runClients({ ...load, seconds: warmSeconds, most: phones.length * (file ? 1 : warmUps) });
        const ours = await measure(stack, load, given?.bytes.length);
        const bare = { recipients: phones, inFlight: clients, ...(file ? { file } : {}) };
        await send({ ...bare, seconds: warmSeconds, messages: phones.length * (file ? 1 : warmUps) });
        const bareBaileys = bareFigures(await send({ ...bare, seconds, messages: most }));
        const figures = { ...ours.figures, bareBaileys, ratio: ratioTo(bareBaileys, ours.figures.cpuMsPerMessage) };
        measured[name] = figures;
        if (!values.json) printKind(`${name}, ${clients} clients`, figures, ours.report);
      }
    });
    if (values.json) return print(JSON.stringify({ ...measured, loadAverage: loadAverage() }));
    print(`\nload average ${loadAverage()} after`);
  } finally {
    await stack.destroy();
  }
}

async function written({ dataFolder }: TestStack, name: string, { bytes, ...file }: NonNullable<Kind["file"]>) {
  const path = join(dataFolder, name.replaceAll(/\W+/g, "-"));
  await writeFile(path, bytes);
  return { ...file, path };
}

const at = (samples: number[]) => ({ p50: percentile(samples, 0.5), p95: percentile(samples, 0.95) });

async function measure(stack: TestStack, load: MessageLoad, fileBytes: number | undefined) {
  const store = join(stack.dataFolder, "media");
  const [linesBefore, storedBefore] = [stack.lines.length, await sizeOfFolder(store)];
  const before = usages(stack);
  const report = await runClients(load);
  const after = usages(stack);
  const messages = report.messageIds.length;
  const stored = ((await sizeOfFolder(store)) - storedBefore) / messages;
  const cpuMsPerMessage = Object.fromEntries(
    parts.map((part) => [part, (after[part].cpuMs - before[part].cpuMs) / messages]),
  ) as Record<Part, number>;
  const figures = {
    messages,
    messagesPerSecond: messages / report.seconds,
    cpuMsPerMessage,
    accepted: at(report.accepted),
    onPhone: at(report.onPhone),
    legs: legsOf(report, { lines: stack.lines.slice(linesBefore), fileBytes, stored }),
  };
  return { figures, report };
}

function ratioTo({ cpuMsPerMessage: bare }: BareFigures, ours: Record<Part, number>): Figures["ratio"] {
  return { own: (ours.edge + ours.connector) / bare, all: sum(ours) / bare };
}

function printKind(name: string, figures: Figures, report: MessageLoadReport): void {
  const { messages, messagesPerSecond, cpuMsPerMessage, legs, bareBaileys: bare, ratio } = figures;
  print(`\n${name}, ${messages} messages to known recipients`);
  print(`  accepted (202)       ${latencies(report.accepted)}`);
  print(`  on the phone         ${latencies(report.onPhone)}`);
  print(`  throughput           ${messagesPerSecond.toFixed(1)} messages/s`);
  print(`  CPU per message      ${sum(cpuMsPerMessage).toFixed(2)} ms in all processes`);
  for (const part of parts) print(`    ${labels[part].padEnd(20)}${cpuMsPerMessage[part].toFixed(2)} ms`);
  for (const { leg, bytes, p50, p95 } of legs) {
    const size = bytes === undefined ? "" : `${(bytes / 1000).toFixed(1)} KB`;
    const time = p50 === undefined || p95 === undefined ? "" : `p50 ${p50.toFixed(1)}   p95 ${p95.toFixed(1)} ms`;
    print(`  ${leg.padEnd(34)}${size.padStart(12)}   ${time}`);
  }
  print(
    `  bare Baileys         ${bare.messagesPerSecond.toFixed(1)} messages/s, ${bare.cpuMsPerMessage.toFixed(2)} ms each`,
  );
  print(`  CPU / bare Baileys   ${ratio.own.toFixed(1)} × edge and connector, ${ratio.all.toFixed(1)} × all processes`);
}

function runClients(load: MessageLoad): Promise<MessageLoadReport> {
  const child = fork(fileURLToPath(new URL("message-load.ts", import.meta.url)));
  return new Promise((resolve, reject) => {
    child.once("message", (report) => resolve(report as MessageLoadReport));
    child.once("exit", (code) => code !== 0 && reject(new Error(`the clients ended with code ${code}`)));
    child.send(load);
  });
}
