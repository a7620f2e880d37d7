import http, { type Agent, type IncomingMessage } from "node:http";
import https from "node:https";
import { pipeline } from "node:stream/promises";

interface Question {
  method: "GET" | "POST";
  headers?: Record<string, string>;
  /** Connects through a proxy. */
  agent?: Agent | undefined;
  /** Read as it is sent, so a large file is never in memory. */
  body?: AsyncIterable<Uint8Array>;
  /** The whole exchange ends then, its answer's body included. */
  timeoutMs: number;
}

/** A connection on which nothing moves for so long is closed. */
const idleMs = 30_000;

/** Sends a request and answers when the headers of its answer are here. Rejects with what the body threw, if it did. */
export function ask(url: URL, { method, headers = {}, agent, body, timeoutMs }: Question): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { request } = url.protocol === "https:" ? https : http;
    const signal = AbortSignal.timeout(timeoutMs);
    const asked = request(url, { method, headers, agent: agent ?? false, signal }, resolve);
    asked.setTimeout(idleMs, () => asked.destroy(new Error(`nothing moved for ${idleMs} ms`)));
    asked.on("error", reject);
    if (body) pipeline(body, asked).catch(reject);
    else asked.end();
  });
}

/** Reads a short body. Rejects when it is longer. */
export async function textOf(answer: AsyncIterable<Buffer>, mostBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    size += chunk.length;
    if (size > mostBytes) throw new Error("the answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
