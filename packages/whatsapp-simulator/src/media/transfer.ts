import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline } from "node:stream/promises";
import type { World } from "../world.ts";
import { decrypting, encrypting, MediaProblem, type MediaType, type Remote } from "./cipher.ts";

import { phoneHeader } from "./server.ts";

/** Longer than any transfer on loopback takes. */
const timeoutMs = 30_000;

/** Downloads a file to the phones' files; throws a MediaProblem when no host has it as its author sent it. */
export async function openRemote(
  world: World,
  type: MediaType,
  { directPath, ...declared }: Remote,
): Promise<{ sha256: string; sizeBytes: number }> {
  const answer = await firstHost(world, (host) => get(world, host, directPath));
  const sha256 = Buffer.from(declared.fileSha256).toString("hex");
  const { name } = await world.files.write(decrypting(answer, type, declared), () => ({ name: sha256 }));
  return { sha256, sizeBytes: world.files.size(name) ?? 0 };
}

/** Encrypts one of the phones' files with that key and uploads it. It is encrypted twice, so that it is never in memory. */
export async function publish(
  world: World,
  type: MediaType,
  { sha256, mediaKey }: { sha256: string; mediaKey: Uint8Array },
): Promise<Remote & { url: string; sizeBytes: number }> {
  const first = encrypting(world.files.read(sha256), type, mediaKey);
  let encryptedBytes = 0;
  for await (const chunk of first.chunks) encryptedBytes += chunk.length;
  const declared = first.declared();
  const token = Buffer.from(declared.fileEncSha256).toString("base64url");
  const path = `/mms/${type}/${token}?auth=${encodeURIComponent(world.media.auth)}&token=${token}`;
  const answer = await firstHost(world, async (host) => {
    const response = await ask(
      world,
      host,
      { path, method: "POST", headers: { "content-length": encryptedBytes } },
      () => encrypting(world.files.read(sha256), type, mediaKey).chunks,
    );
    return { host, ...(JSON.parse(await textOf(response)) as { direct_path: string; url: string }) };
  });
  return { ...declared, url: answer.url, directPath: answer.direct_path };
}

async function get(world: World, host: string, path: string): Promise<IncomingMessage> {
  return ask(world, host, { path, method: "GET", headers: {} });
}

/** Each host gets one try. */
async function firstHost<T>(world: World, attempt: (host: string) => Promise<T>): Promise<T> {
  let problem: unknown;
  for (const host of world.media.hosts) {
    try {
      return await attempt(host);
    } catch (error) {
      problem = error;
    }
  }
  throw problem instanceof MediaProblem
    ? problem
    : new MediaProblem("no media host can be reached", { cause: problem });
}

function ask(
  world: World,
  host: string,
  { path, method, headers }: { path: string; method: string; headers: Record<string, number> },
  body?: () => AsyncIterable<Uint8Array>,
): Promise<IncomingMessage> {
  const [hostname, port] = host.split(":");
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        hostname,
        port,
        path,
        method,
        headers: { ...headers, [phoneHeader]: "1" },
        ca: world.media.certificate,
        agent: false,
        timeout: timeoutMs,
      },
      (response) => {
        if (response.statusCode === 200) return resolve(response);
        response.resume();
        return reject(new MediaProblem(`the media host answered ${response.statusCode}`));
      },
    );
    request.once("timeout", () => request.destroy(new Error("the media host is silent")));
    request.once("error", reject);
    if (body) pipeline(body(), request).catch(reject);
    else request.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
