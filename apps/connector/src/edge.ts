import { createNodeTokenSigner } from "@sandi/crypto/node";
import type { Config } from "./config.ts";
import type { Services } from "./services.ts";

/** A signed POST to the edge. Rejects when it times out, and when the edge refuses it because our clock is wrong. */
export type CallEdge = (path: string, body: unknown, timeoutMs: number) => Promise<{ status: number; body: unknown }>;

/** Beyond this difference of the clocks the edge refuses a token. */
const toleratedMs = 5_000;

export function createEdgeCaller(config: Config, { now, random, fetch }: Services): CallEdge {
  const privateJwk = config.connectorTokenPrivateKey;
  const sign = createNodeTokenSigner({
    privateJwk,
    issuer: "sandi-connector",
    audience: "sandi-edge",
    now,
    random,
  });
  const base = new URL(config.edgeUrl);
  return async (path, value, timeoutMs) => {
    const url = new URL(base.pathname.replace(/\/$/, "") + path, base);
    const body = JSON.stringify(value);
    const token = await sign({ method: "POST", path: url.pathname, body });
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    const aheadMs = now().getTime() - Date.parse(response.headers.get("date") ?? "");
    if (response.status === 401 && Math.abs(aheadMs) > toleratedMs) {
      const seconds = Math.round(Math.abs(aheadMs) / 1000);
      throw new Error(`the clock of this machine is ${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} the edge's`);
    }
    return { status: response.status, body: parse(text) };
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
