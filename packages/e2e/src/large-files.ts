import { createHash } from "node:crypto";
import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { usageOf, workerdPids } from "./bench/figures.ts";

const piece = 64 * 1024;

/** The bytes of a file that begins as this format does. They are made as they are read. */
export function* largeFile(start: Uint8Array, size: number): Generator<Uint8Array> {
  const filler = Buffer.alloc(piece, createHash("sha256").update("filler").digest());
  for (let at = 0; at < size; at += piece) {
    const bytes = Buffer.from(filler.subarray(0, Math.min(piece, size - at)));
    // Each piece differs, so that a wrong order changes the hash.
    if (bytes.length >= 4) bytes.writeUInt32LE(at, 0);
    if (at === 0) bytes.set(start);
    yield bytes;
  }
}

/** The SHA-256 of a large file, in hex. */
export function sha256Of(file: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const bytes of file) hash.update(bytes);
  return hash.digest("hex");
}

interface Sent {
  method: string;
  headers: Record<string, string>;
  body?: Iterable<Uint8Array>;
}

/** A request that is never whole in memory, in either direction. Answers with the hash of the body, and its text if it is small. */
export async function sendLarge(url: string, { method, headers, body = [] }: Sent) {
  const outgoing = request(url, { method, headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  });
  // A refusal ends the request early.
  const sent = pipeline(Readable.from(body), outgoing).catch(() => undefined);
  const answer = await answered;
  const hash = createHash("sha256");
  const kept: Buffer[] = [];
  let size = 0;
  for await (const bytes of answer as AsyncIterable<Buffer>) {
    hash.update(bytes);
    size += bytes.length;
    if (size < piece) kept.push(bytes);
  }
  await sent;
  const text = size < piece ? Buffer.concat(kept).toString() : "";
  return { status: answer.statusCode ?? 0, headers: answer.headers, size, sha256: hash.digest("hex"), text };
}

/** The memory of processes above what they have before the work, at its peak, in MiB. */
export interface Peak<T> {
  result: T;
  peakMb: number;
  idleMb: number;
}

/** The memory of workerd, which holds the Worker and the local R2. */
export const peakOfWorkerd = <T>(work: () => Promise<T>): Promise<Peak<T>> => peakOf(workerdPids, work);

export async function peakOf<T>(pids: () => number[], work: () => Promise<T>): Promise<Peak<T>> {
  const resident = () => pids().reduce((sum, pid) => sum + (usageOf(pid)?.rssMb ?? 0), 0);
  const idleMb = resident();
  let peak = idleMb;
  const watching = setInterval(() => (peak = Math.max(peak, resident())), 10);
  try {
    const result = await work();
    return { result, peakMb: peak - idleMb, idleMb };
  } finally {
    clearInterval(watching);
  }
}
