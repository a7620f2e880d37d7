import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Answer } from "./message.ts";

export interface Delivery {
  url: string;
  method: string;
  headers: Record<string, string>;
  body: Buffer;
  timeoutMs: number;
}

const answerLimit = 1024 * 1024;

/** Makes HTTP calls over connections that stay open. */
export class Courier {
  readonly #http = new HttpAgent({ keepAlive: true, maxFreeSockets: 128 });
  readonly #https = new HttpsAgent({ keepAlive: true });
  readonly #underWay = new Set<ClientRequest>();

  /** The destination's answer. Redirects are not followed. */
  async deliver(delivery: Delivery): Promise<Answer> {
    try {
      const answer = await this.#call(delivery);
      // The destination may close an idle connection at the moment of the next call.
      return answer === "stale" ? ((await this.#call(delivery, true)) as Answer) : answer;
    } catch (error) {
      // Node throws before the call when a header cannot be sent.
      return unanswered((error as Error).message);
    }
  }

  close(): void {
    for (const request of this.#underWay) request.destroy();
    this.#http.destroy();
    this.#https.destroy();
  }

  #call({ url, method, headers, body, timeoutMs }: Delivery, isFresh = false): Promise<Answer | "stale"> {
    return new Promise((resolve) => {
      const fail = (error: string) => resolve(unanswered(error));
      const isSecure = url.startsWith("https:");
      const agent = isFresh ? false : isSecure ? this.#https : this.#http;
      const hasBody = method !== "GET" || body.length > 0;
      const options = {
        method,
        agent,
        headers: hasBody ? { ...headers, "content-length": String(body.length) } : headers,
      };
      const request = (isSecure ? httpsRequest : httpRequest)(url, options);
      this.#underWay.add(request);
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      request.on("error", (error: NodeJS.ErrnoException) => {
        if (request.reusedSocket && error.code === "ECONNRESET" && !isFresh) resolve("stale");
        else fail(error.message || error.code || "the connection failed");
      });
      request.on("close", () => {
        clearTimeout(timer);
        this.#underWay.delete(request);
        fail("the connection was closed");
      });
      request.on("response", (response) => collect(response, resolve, fail));
      // Node sends a string together with the headers, and a buffer after them.
      request.end(hasBody ? body.toString("latin1") : undefined, "latin1");
    });
  }
}

const unanswered = (error: string): Answer => ({ status: 0, headers: {}, body: Buffer.from(error), error });

function collect(response: IncomingMessage, resolve: (answer: Answer) => void, fail: (error: string) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    if (size < answerLimit) chunks.push(chunk.subarray(0, answerLimit - size));
    size += chunk.length;
  });
  response.on("error", (error) => fail(error.message));
  response.on("end", () => {
    const headers: Record<string, string[]> = {};
    for (const [name, value] of Object.entries(response.headers))
      if (value !== undefined) headers[name] = [value].flat();
    resolve({ status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) });
  });
}
