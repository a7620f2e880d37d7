/**
 * Baileys with as little code around it as possible. `pnpm bench sessions` compares the connector with it. It keeps
 * credentials in memory and writes them on request, so that a message never waits for a stored key.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import {
  type AuthenticationCreds,
  BufferJSON,
  initAuthCreds,
  makeWASocket,
  type SignalDataSet,
  type SignalDataTypeMap,
  WA_CERT_DETAILS,
} from "@whiskeysockets/baileys";
import { pino } from "pino";

/** A request to the process. */
export type BareRequest =
  | { type: "start"; wsUrl: string; rootKey: string; file: string; sessions: number }
  | { type: "save" };
/** A report of the process. */
export type BareReport = { type: "qr"; session: number; qr: string } | { type: "saved" };

interface Auth {
  creds: AuthenticationCreds;
  records: Record<string, string>;
}

const restartRequired = 515;
let auths: Auth[] = [];
let file = "";

for (const method of ["log", "info", "warn", "error"] as const) console[method] = () => undefined;

process.on("message", (request: BareRequest) => {
  if (request.type === "start") start(request);
  else {
    writeFileSync(file, JSON.stringify(auths, BufferJSON.replacer));
    sendReport({ type: "saved" });
  }
});

function start(request: Extract<BareRequest, { type: "start" }>): void {
  ({ file } = request);
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(request.rootKey, "hex");
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8"), BufferJSON.reviver) as Auth[]) : [];
  auths = Array.from({ length: request.sessions }, (_, i) => kept[i] ?? { creds: initAuthCreds(), records: {} });
  auths.forEach((auth, session) => connect(request.wsUrl, session, auth));
}

function connect(wsUrl: string, session: number, { creds, records }: Auth): void {
  const sock = makeWASocket({
    waWebSocketUrl: wsUrl,
    auth: { creds, keys: { get: (kind, ids) => read(records, kind, ids), set: (data) => write(records, data) } },
    logger: pino({ level: "silent" }),
    markOnlineOnConnect: false,
    syncFullHistory: false,
  });
  sock.ev.on("creds.update", (update) => Object.assign(creds, update));
  sock.ev.on("connection.update", ({ connection, qr, lastDisconnect }) => {
    if (qr !== undefined) sendReport({ type: "qr", session, qr });
    if (connection !== "close") return;
    const { output } = (lastDisconnect?.error ?? {}) as { output?: { statusCode?: number } };
    setTimeout(
      () => connect(wsUrl, session, { creds, records }),
      output?.statusCode === restartRequired ? 0 : 1000 * Math.random(),
    );
  });
}

function read<Kind extends keyof SignalDataTypeMap>(records: Auth["records"], kind: Kind, ids: string[]) {
  const found: Record<string, SignalDataTypeMap[Kind]> = {};
  for (const id of ids) {
    const text = records[`${kind} ${id}`];
    if (text !== undefined) found[id] = JSON.parse(text, BufferJSON.reviver) as SignalDataTypeMap[Kind];
  }
  return found;
}

function write(records: Auth["records"], data: SignalDataSet): void {
  for (const [kind, values] of Object.entries(data)) {
    for (const [id, value] of Object.entries(values ?? {})) {
      if (value) records[`${kind} ${id}`] = JSON.stringify(value, BufferJSON.replacer);
      else delete records[`${kind} ${id}`];
    }
  }
}

function sendReport(report: BareReport): void {
  process.send?.(report);
}
