import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

/** The body is larger than the server reads. */
export class BodyTooLargeError extends Error {}

/** True when the request has the bearer token. Compares in constant time. */
export function hasToken(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/**
 * True when a program on this machine sends the request. Web pages in the developer's browser can send requests, too:
 * they have an `Origin` header, or a host name that resolves to this machine.
 */
export function isLocalProgram({ headers }: IncomingMessage): boolean {
  const host = (headers.host ?? "").replace(/:[0-9]+$/, "");
  return headers.origin === undefined && ["127.0.0.1", "localhost", "[::1]"].includes(host);
}

/** Reads the whole body; throws `BodyTooLargeError` above `limit` bytes. */
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

/** Answers with JSON, or with an empty body. */
export function reply(response: ServerResponse, status: number, body?: unknown): void {
  const text = body === undefined ? "" : JSON.stringify(body);
  const length = Buffer.byteLength(text);
  response.sendDate = false;
  response.writeHead(status, ["content-type", "application/json", "content-length", String(length)]);
  // Node writes ASCII faster as Latin-1.
  response.end(text, length === text.length ? "latin1" : "utf8");
}
