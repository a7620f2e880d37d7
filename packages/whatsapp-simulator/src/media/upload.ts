import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Exchange, Hosting } from "./exchange.ts";

const bytesAtMost = 100 * 1024 * 1024;
const uploadPath = /^\/mms\/(image|video|audio|document)\/([A-Za-z0-9_-]{43})$/;

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * `POST /mms/{type}/{token}?auth&token`: the token is the SHA-256 of the encrypted file. With `resume=1` and no body it
 * answers whether the file is there already.
 */
export async function upload(hosting: Hosting, exchange: Exchange): Promise<void> {
  const [status, body] = await take(hosting, exchange).catch((error: unknown): [number, object] => {
    if (error instanceof Refusal) return [error.status, { error: error.message }];
    throw error;
  });
  const { request, response } = exchange;
  response.writeHead(status, { "content-type": "application/json", connection: "close" }).end(JSON.stringify(body));
  if (!request.complete) response.once("finish", () => request.destroy());
}

async function take({ files, faults, auth, wait }: Hosting, { request, by, url }: Exchange): Promise<[number, object]> {
  const [, type = "", token = ""] = uploadPath.exec(url.pathname) ?? [];
  if (type === "") return [404, { error: "there is no such upload" }];
  if (url.searchParams.get("auth") !== auth) return [401, { error: "unauthorized" }];
  if (url.searchParams.get("token") !== token) return [400, { error: "the tokens differ" }];
  const fault = faults.take(
    "media-error",
    undefined,
    undefined,
    (each) => each.at === "upload" && (each.by ?? by) === by,
  );
  if (fault) return [fault.status, { error: "refused, as the fault wants" }];
  if (url.searchParams.get("resume") === "1") {
    return [200, files.size(token) === undefined ? { resume: 0 } : { resume: "complete", ...placeOf(url, token) }];
  }
  const slow = faults.take("media-slow-upload", undefined, undefined, (each) => (each.by ?? by) === by);
  if (slow) await wait(slow.ms);
  const hash = createHash("sha256");
  await files.write(bounded(request, hash), () => {
    if (hash.digest("base64url") !== token) throw new Refusal(400, "the file has another SHA-256");
    return { name: token };
  });
  return [200, placeOf(url, token)];
}

/** Where the file is: the path has a query, as the real one. */
function placeOf({ origin }: URL, token: string): { url: string; direct_path: string } {
  const path = `/v/t62.7118-24/${token}.enc?ccb=11-4&oh=${token.slice(0, 16)}&oe=7FFFFFFF&_nc_sid=5e03e0`;
  return { url: `${origin}${path}&mms3=true`, direct_path: path };
}

async function* bounded(request: IncomingMessage, hash: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bytesAtMost) throw new Refusal(413, "the file is too large");
    hash.update(chunk);
    yield chunk;
  }
}
