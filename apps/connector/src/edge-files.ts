import type { IncomingMessage } from "node:http";
import {
  type InboundMedia,
  inboundMediaHeaders,
  inboundMediaText,
  mediaContentPath,
  mediaPath,
  StoredMedia,
} from "@sandi/contracts";
import { createNodeTokenSigner } from "@sandi/crypto/node";
import { ask, textOf } from "./ask.ts";
import type { Config } from "./config.ts";
import type { Services } from "./services.ts";

/** The files of messages, which the edge keeps. */
export interface EdgeFiles {
  /** Answers with the file as a stream; null when the edge does not have it. Rejects when the edge does not answer. */
  read(mediaId: string): Promise<IncomingMessage | null>;
  /** Stores a file that a session received. Rejects with what `bytes` threw, and when the edge does not take it. */
  store(media: InboundMedia, bytes: AsyncIterable<Uint8Array>): Promise<StoredMedia>;
}

/** A file of 95 MiB takes so long over a slow line. */
const timeoutMs = 300_000;
const mostAnswerBytes = 64 * 1024;

export function createEdgeFiles(config: Config, { now, random }: Pick<Services, "now" | "random">): EdgeFiles {
  const sign = createNodeTokenSigner({
    privateJwk: config.connectorTokenPrivateKey,
    issuer: "sandi-connector",
    audience: "sandi-edge",
    now,
    random,
  });
  const base = new URL(config.edgeUrl);

  async function place(method: "GET" | "POST", path: string, body: string) {
    const url = new URL(base.pathname.replace(/\/$/, "") + path, base);
    const token = await sign({ method, path: url.pathname, body });
    return { url, headers: { authorization: `Bearer ${token}`, "user-agent": "Sandi/1" } };
  }

  return {
    async read(mediaId) {
      const { url, headers } = await place("GET", mediaContentPath(mediaId), "");
      const answer = await ask(url, { method: "GET", headers, timeoutMs });
      if (answer.statusCode === 200) return answer;
      answer.destroy();
      if (answer.statusCode === 404) return null;
      throw new Error(`the edge answered a file with ${answer.statusCode}`);
    },
    async store(media, bytes) {
      const { url, headers } = await place("POST", mediaPath, inboundMediaText(media));
      const length = { "content-length": String(media.sizeBytes) };
      const all = { ...headers, ...inboundMediaHeaders(media), ...length };
      const answer = await ask(url, { method: "POST", headers: all, body: bytes, timeoutMs });
      const text = await textOf(answer, mostAnswerBytes);
      if (answer.statusCode !== 200) throw new Error(`the edge answered a file with ${answer.statusCode}`);
      return StoredMedia.parse(JSON.parse(text));
    },
  };
}
