import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

/** A client asked for more than a server here reads. */
export class BodyTooLargeError extends Error {}

/** Whether the request carries the bearer token; takes the same time for every wrong one of its length. */
export function bears(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/**
 * Whether a program on this machine asks. Web pages do too, through the developer's browser: they are known by their
 * Origin, or by the name that they had resolved to this machine.
 */
export function isLocalProgram({ headers }: IncomingMessage): boolean {
  const host = (headers.host ?? "").replace(/:[0-9]+$/, "");
  return headers.origin === undefined && ["127.0.0.1", "localhost", "[::1]"].includes(host);
}

/** Reads a whole body, or throws a `BodyTooLargeError` beyond `limit` bytes. */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
    });
    request.on("end", () => {
      if (size > limit) reject(new BodyTooLargeError(`the body is larger than ${limit} bytes`));
      else resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    request.on("error", reject);
  });
}

/** Answers with JSON; without a body, with nothing. */
export function reply(response: ServerResponse, status: number, body?: unknown): void {
  const text = body === undefined ? "" : JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
