import { join, resolve } from "node:path";
import { parseArgs, styleText } from "node:util";
import type { QrPageLink, Session } from "@sandi/contracts";
import { toString as qrText } from "qrcode";
import { allRun, startedBy } from "./stack/ancestors.ts";
import { sendDemoOtp } from "./stack/demo.ts";
import { currentQr, prepare } from "./stack/first-run.ts";
import { writeSecretJson } from "./stack/files.ts";
import { call, type Local } from "./stack/local.ts";
import { webhookAt } from "./stack/local-webhook.ts";
import { maxConnectors, portsFrom } from "./stack/ports.ts";
import { watching } from "./stack/watching.ts";
import { type Stack, startStack, type WhatsApp } from "./stack/stack.ts";

const usage = `npm start -- [options]

  --whatsapp simulator    a simulated WhatsApp with phones to look at (default)
  --whatsapp real         the real WhatsApp: scan the QR code with a phone
  --whatsapp ws://127.0.0.1:PORT/ws/chat
                          another simulated server; its root key (hex) in WHATSAPP_ROOT_KEY
  --connectors N          the number of connectors; they share one database and one address (default 1, at most 8)
  --webhook URL           makes a webhook for all events at this address, such as http://127.0.0.1:4000/hooks;
                          repeat it for several
  --port N                the first of six ports in a row (default 8787, or SANDI_PORT)
  --data FOLDER           the folder of all files (default .data)
  --watch                 reload when a source file changes (pnpm dev)
`;

// Only this user may read the files.
process.umask(0o077);

const values = readOptions();

function readOptions() {
  const options = {
    whatsapp: { type: "string", default: "simulator" },
    connectors: { type: "string", default: "1" },
    webhook: { type: "string", multiple: true, default: [] as string[] },
    port: { type: "string", default: process.env["SANDI_PORT"] ?? "8787" },
    data: { type: "string", default: ".data" },
    watch: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return process.exit(2);
  }
}

if (values.help) {
  process.stdout.write(usage);
} else {
  await run().catch((error: unknown) => {
    print("sandi", styleText("red", error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  });
}

async function run(): Promise<void> {
  const whatsapp = parseWhatsApp(values.whatsapp);
  const ports = await portsFrom(parsePort(values.port), parseConnectors(values.connectors));
  const dataFolder = resolve(values.data, whatsapp.kind);
  const startedAt = performance.now();

  let stack: Stack | undefined;
  let stopping: Promise<void> | undefined;
  const stop = (why: string) => {
    stopping ??= (async () => {
      print("sandi", `${why}: stopping`);
      await stack?.stop();
      process.exit(process.exitCode ?? 0);
    })();
    return stopping;
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop(signal));
  if (process.platform !== "win32") {
    const starters = await startedBy(process.ppid);
    const look = async () => {
      if (!(await allRun(starters))) await stop("the terminal was closed");
    };
    setInterval(() => void look(), 500).unref();
  }

  print("sandi", "starting on 127.0.0.1 …");
  const log = (part: string, line: string) => {
    // Ctrl-C also stops workerd, and miniflare reports that as a crash.
    if (!(stopping && part === "edge")) print(part, line);
  };
  stack = await startStack({ dataFolder, ports, whatsapp, watch: values.watch, log, ...watching(process.env) });
  if (stopping) {
    await stack.stop();
    return;
  }
  const local = await prepare(stack, join(dataFolder, "local.json"));
  await writeSecretJson(join(values.data, "local.json"), local);
  for (const url of values.webhook) await showWebhook(local, dataFolder, url);
  if (whatsapp.kind === "simulator") {
    for (const { name, ms } of await sendDemoOtp(local)) print("otp", `${ms.toFixed(1).padStart(8)} ms  ${name}`);
  } else {
    void showQrCodes(local);
  }
  welcome(local, (performance.now() - startedAt) / 1000);
}

/** Prints no secret: terminal output often ends in logs. */
function welcome(local: Local, seconds: number): void {
  const to = local.userPhone ?? "+…";
  const file = resolve(values.data, "local.json").replaceAll("'", `'\\''`);
  process.stdout.write(`
${styleText("bold", "Sandi is ready")} after ${seconds.toFixed(1)} s. Ctrl-C stops everything.

  API          ${local.apiUrl}        reference: ${local.apiUrl}/docs
  Phones       ${local.simulatorUrl ?? "scan the QR code below with a phone"}
  Settings     ${join(values.data, "local.json")} (API key, session, admin), readable by you only

Send a code, read it on the phone, check it:

  export KEY=$(node -p 'require("${file}").apiKey')
  curl ${local.apiUrl}/v1/verifications -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" -d '{"to":"${to}"}'
  curl ${local.apiUrl}/v1/verifications/ver_…/check -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" -d '{"code":"123456"}'

`);
}

/** Its secret is for a program that verifies requests. It is not printed where the output may be a log. */
async function showWebhook(local: Local, dataFolder: string, url: string): Promise<void> {
  const file = join(dataFolder, "webhooks.json");
  const { id, secret } = await webhookAt(local, file, url);
  print("webhook", `${id} ${url}  secret: ${process.stdout.isTTY ? secret : `in ${file}`}`);
}

/**
 * Shows each new QR code and the page with the live code, when no simulated phone can scan it. Anyone with the code can
 * link a phone: when the output is not a terminal, only the command for the page is printed.
 */
async function showQrCodes(local: Local): Promise<void> {
  let shown = "";
  let page: QrPageLink | undefined;
  let hasReportedWaiting = false;
  for (;;) {
    const session = await call<Session>(local, `GET /v1/sessions/${local.sessionId}`).catch(() => undefined);
    if (session?.state === "waiting" && !hasReportedWaiting) {
      hasReportedWaiting = true;
      print(
        "sandi",
        "WhatsApp cannot be reached. Check the internet connection. The connector tries again at growing intervals.",
      );
    }
    const qr = await currentQr(local).catch(() => undefined);
    if (qr !== undefined && !process.stdout.isTTY) {
      const askForPage = `curl -X POST ${local.apiUrl}/v1/sessions/${local.sessionId}/qr-page -H "Authorization: Bearer $KEY"`;
      print("sandi", `a QR code waits to be scanned. This command answers the page that shows it: ${askForPage}`);
      return;
    }
    if (qr !== undefined && qr !== shown) {
      shown = qr;
      if (!page || Date.parse(page.expiresAt) < Date.now()) {
        page = await call<QrPageLink>(local, `POST /v1/sessions/${local.sessionId}/qr-page`);
      }
      process.stdout.write(
        `${await qrText(qr, { type: "terminal", small: true })}\nScan this code on the phone, under Linked devices, or open ${page.url}\n`,
      );
    }
    await new Promise((resolve_) => setTimeout(resolve_, 1_000).unref());
  }
}

function parseWhatsApp(text: string): WhatsApp {
  if (text === "simulator" || text === "real") return { kind: text };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "ws:" || !["127.0.0.1", "localhost", "[::1]"].includes(url.hostname)) {
    throw new Error(`--whatsapp must be simulator, real or a ws:// address on 127.0.0.1, not "${text}"`);
  }
  const rootKey = process.env["WHATSAPP_ROOT_KEY"] ?? "";
  if (!/^[0-9a-fA-F]{64}$/.test(rootKey)) {
    throw new Error("WHATSAPP_ROOT_KEY must be the public root key of that server: 64 hex digits");
  }
  return { kind: "server", url: text, rootKey };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_530)
    throw new Error(`--port must be a port number, not "${text}"`);
  return port;
}

function parseConnectors(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > maxConnectors)
    throw new Error(`--connectors must be a number from 1 to ${maxConnectors}, not "${text}"`);
  return count;
}

function print(part: string, line: string): void {
  const colour =
    ({ sandi: "bold", edge: "cyan", whatsapp: "green", otp: "yellow" } as const)[part] ??
    (part.startsWith("connector") ? "magenta" : "dim");
  process.stdout.write(`${styleText(colour, part.padEnd(11))} │ ${line}\n`);
}
