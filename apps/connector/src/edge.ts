import http from "node:http";
import https from "node:https";
import { createNodeTokenSigner } from "@sandi/crypto/node";
import type { Config } from "./config.ts";
import type { Services } from "./services.ts";

/** A signed POST to the edge. Rejects when it times out, and when the edge refuses it because our clock is wrong. */
export type CallEdge = (path: string, body: unknown, timeoutMs: number) => Promise<{ status: number; body: unknown }>;

/** Beyond this difference of the clocks the edge refuses a token. */
const toleratedMs = 5_000;
/** An idle connection is closed after this time, before the edge closes it: a call on a closed one would fail. */
const idleMs = 4_000;

export function createEdgeCaller(config: Config, { now, random }: Pick<Services, "now" | "random">): CallEdge {
  const privateJwk = config.connectorTokenPrivateKey;
  const sign = createNodeTokenSigner({
    privateJwk,
    issuer: "sandi-connector",
    audience: "sandi-edge",
    now,
    random,
  });
  const base = new URL(config.edgeUrl);
  const post = createPost(base.protocol);
  return async (path, value, timeoutMs) => {
    const url = new URL(base.pathname.replace(/\/$/, "") + path, base);
    const body = JSON.stringify(value);
    const ask = async () => {
      const token = await sign({ method: "POST", path: url.pathname, body });
      return post(url, { body, token, timeoutMs });
    };
    // Claims and events can be sent again.
    const answer = (await ask()) ?? (await ask());
    if (!answer) throw new Error("the edge closes its connections");
    const aheadMs = now().getTime() - Date.parse(answer.date ?? "");
    if (answer.status === 401 && Math.abs(aheadMs) > toleratedMs) {
      const seconds = Math.round(Math.abs(aheadMs) / 1000);
      throw new Error(`the clock of this machine is ${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} the edge's`);
    }
    return { status: answer.status, body: parse(answer.text) };
  };
}

interface Post {
  body: string;
  token: string;
  timeoutMs: number;
}

interface Answer {
  status: number;
  date: string | undefined;
  text: string;
}

/**
 * Makes a function that posts JSON. `fetch` needs three times the CPU, and writes the headers and the body apart. Resolves
 * with undefined when the edge closed the kept connection at the moment when it was used again.
 */
function createPost(protocol: string): (url: URL, post: Post) => Promise<Answer | undefined> {
  const { request, Agent } = protocol === "https:" ? https : http;
  const agent = new Agent({ keepAlive: true, timeout: idleMs });
  return (url, { body, token, timeoutMs }) =>
    new Promise((resolve, reject) => {
      const fail = (cause: unknown) => {
        clearTimeout(timer);
        reject(new Error("the edge did not answer", { cause }));
      };
      const asked = request(url, {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          authorization: `Bearer ${token}`,
          "user-agent": "Sandi/1",
        },
      });
      const timer = setTimeout(() => asked.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
      let isAnswered = false;
      asked.on("error", (cause: NodeJS.ErrnoException) => {
        const isClosed = cause.code === "ECONNRESET" || cause.code === "EPIPE";
        if (!asked.reusedSocket || isAnswered || !isClosed) return fail(cause);
        clearTimeout(timer);
        return resolve(undefined);
      });
      asked.on("response", (response) => {
        isAnswered = true;
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          clearTimeout(timer);
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, date: response.headers.date, text });
        });
      });
      asked.end(body);
    });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
