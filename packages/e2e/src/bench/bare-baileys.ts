/**
 * Baileys with as little code around it as possible. `pnpm bench sessions` and `pnpm bench otp` compare the connector with
 * it. It keeps credentials in memory and writes them on request, so that a message never waits for a stored key.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import {
  type AnyMessageContent,
  type AuthenticationCreds,
  BufferJSON,
  initAuthCreds,
  makeWASocket,
  type SignalDataSet,
  type SignalDataTypeMap,
  WA_CERT_DETAILS,
  type WASocket,
} from "@whiskeysockets/baileys";
import { pino } from "pino";

/** A request to the process. */
export type BareRequest =
  | { type: "start"; wsUrl: string; rootKey: string; file: string; sessions: number }
  | { type: "save" }
  /**
   * Sends texts, or a file, over the first session, for so many seconds at most. At most `inFlight` messages wait for
   * WhatsApp's acknowledgement.
   */
  | { type: "send"; recipients: string[]; messages: number; seconds?: number; inFlight: number; file?: BareFile };

/** A file to send. A picture goes without a thumbnail. */
export interface BareFile {
  kind: "image" | "document";
  path: string;
  mimeType: string;
}
/** A report of the process. */
export type BareReport =
  | { type: "qr"; session: number; qr: string }
  | { type: "open"; session: number }
  | { type: "saved" }
  | { type: "sent"; messages: number; seconds: number; cpuMs: number };

interface Auth {
  creds: AuthenticationCreds;
  records: Record<string, string>;
}

const restartRequired = 515;
let auths: Auth[] = [];
let file = "";
const sockets: WASocket[] = [];

for (const method of ["log", "info", "warn", "error"] as const) console[method] = () => undefined;

process.on("message", (request: BareRequest) => {
  if (request.type === "start") start(request);
  else if (request.type === "send") void send(request);
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
  sockets[session] = sock;
  sock.ev.on("creds.update", (update) => Object.assign(creds, update));
  sock.ev.on("connection.update", ({ connection, qr, lastDisconnect }) => {
    if (qr !== undefined) sendReport({ type: "qr", session, qr });
    if (connection === "open") sendReport({ type: "open", session });
    if (connection !== "close") return;
    const { output } = (lastDisconnect?.error ?? {}) as { output?: { statusCode?: number } };
    setTimeout(
      () => connect(wsUrl, session, { creds, records }),
      output?.statusCode === restartRequired ? 0 : 1000 * Math.random(),
    );
  });
}

async function send(request: Extract<BareRequest, { type: "send" }>): Promise<void> {
  const { recipients, messages, inFlight, seconds: most = Number.POSITIVE_INFINITY } = request;
  const sock = sockets[0];
  if (!sock) throw new Error("no session");
  const acknowledged = new Map<string, () => void>();
  const listen = ({ attrs }: { attrs: Record<string, string> }) => acknowledged.get(attrs["id"] ?? "")?.();
  sock.ws.on("CB:ack,class:message", listen);
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  let next = 0;
  const sendOneByOne = async () => {
    while (next < messages && performance.now() - startedAt < most * 1000) {
      const index = next++;
      const messageId = `3EB0BE${startedAt.toString(16).replace(".", "")}${index}`.toUpperCase();
      const isAcknowledged = new Promise<void>((resolve) => acknowledged.set(messageId, resolve));
      const jid = `${recipients[index % recipients.length]?.slice(1)}@s.whatsapp.net`;
      await sock.sendMessage(jid, contentOf(request.file, index), { messageId });
      await isAcknowledged;
      acknowledged.delete(messageId);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, sendOneByOne));
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  sock.ws.off("CB:ack,class:message", listen);
  sendReport({ type: "sent", messages: next, seconds, cpuMs: (user + system) / 1000 });
}

function contentOf(sent: BareFile | undefined, index: number): AnyMessageContent {
  if (!sent) return { text: `${index} is your code` };
  const { path: url, mimeType: mimetype } = sent;
  // Without a thumbnail Baileys would make one.
  if (sent.kind === "image") return { image: { url }, mimetype, jpegThumbnail: "" };
  return { document: { url }, mimetype, fileName: "document.pdf" };
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
