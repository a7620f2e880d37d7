/** The clients of `pnpm bench messages`, in a process of their own. Each sends, waits for its phone, and repeats. */
import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import type { Media, Message } from "@sandi/contracts";
import type { Local } from "@sandi/local-stack";
import { ask } from "./ask.ts";
import { followPhones, type Received } from "./follow-phones.ts";

export interface MessageLoad {
  local: Local;
  phones: string[];
  clients: number;
  /** The load ends after this time, or after so many messages. */
  seconds: number;
  most: number;
  /** Without one the messages are texts. */
  file?: { kind: "image" | "document"; path: string; mimeType: string };
}

/** Milliseconds of each message, and the time of all of them. */
export interface MessageLoadReport {
  messageIds: string[];
  /** The upload of the file, if there is one. */
  uploaded: number[];
  accepted: number[];
  /** From the begin of the upload or of the request until the phone shows the message. */
  onPhone: number[];
  seconds: number;
}

const phoneWithinMs = 30_000;

process.once("message", (load) => {
  run(load as MessageLoad).then(
    (report) => process.send?.(report, () => process.exit(0)),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});

async function run({ local, phones, clients, seconds, most, file }: MessageLoad): Promise<MessageLoadReport> {
  const waiting = new Map<string, (message: Received) => void>();
  await followPhones(local, (phone, message) => waiting.get(phone)?.(message));
  const report: MessageLoadReport = { messageIds: [], uploaded: [], accepted: [], onPhone: [], seconds: 0 };
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const bytes = file && readFileSync(file.path);
  async function post<T>(path: string, body: string | Uint8Array, type: string): Promise<T> {
    const headers = { authorization: `Bearer ${local.apiKey}`, "content-type": type };
    const { status, text } = await ask(agent, { method: "POST", url: local.apiUrl + path, headers, body });
    if (status >= 300) throw new Error(`POST ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }

  async function contentOf(index: number): Promise<object> {
    if (!file || !bytes) return { type: "text", text: `Your order ${index} is on its way.` };
    const at = performance.now();
    const { id } = await post<Media>(`/v1/media?kind=${file.kind}`, bytes, file.mimeType);
    report.uploaded.push(performance.now() - at);
    return { type: file.kind, media: { mediaId: id } };
  }

  const startedAt = performance.now();
  let next = 0;
  async function client(index: number) {
    const mine = phones.filter((_, i) => i % clients === index);
    for (let i = 0; next < most && performance.now() - startedAt < seconds * 1000; i++) {
      const number = next++;
      const to = mine[i % mine.length] ?? "";
      const shown = new Promise<Received>((resolve) => waiting.set(to, resolve));
      const at = performance.now();
      const content = await contentOf(number);
      const acceptedAt = performance.now();
      const { id } = await post<Message>("/v1/messages", JSON.stringify({ to, ...content }), "application/json");
      report.accepted.push(performance.now() - acceptedAt);
      report.messageIds.push(id);
      const { media } = await inTime(shown, id);
      if (file && !media?.sha256) throw new Error(`the phone could not open ${id}: ${media?.problem ?? "no file"}`);
      report.onPhone.push(performance.now() - at);
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  report.seconds = (performance.now() - startedAt) / 1000;
  return report;
}

async function inTime<T>(shown: Promise<T>, id: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${id} is not on the phone`)), phoneWithinMs);
  try {
    return await Promise.race([shown, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
