import { once } from "node:events";
import type { Agent } from "node:http";
import { connect, isIP, type LookupFunction } from "node:net";
import { HttpsProxyAgent } from "https-proxy-agent";
import { SocksProxyAgent } from "socks-proxy-agent";
import { AddressRefused, isPublicAddress } from "./addresses.ts";

/** How connections to a proxy are opened. */
export interface Way {
  /** Null: any address may be reached. */
  lookup: LookupFunction | null;
  /** Closes what is under way. */
  signal: AbortSignal;
  /** The proxy has led somewhere. */
  onThrough(): void;
}

/** The proxy did not lead on; its text holds nothing that the proxy said. */
export class ProxyRefused extends Error {
  override readonly name = "ProxyRefused";
  constructor(status: number) {
    super(`the proxy refused with ${status}`);
  }
}

/** Throws unless the host may be reached; names are looked at when they are resolved. */
function admit({ lookup }: Way, host: string): void {
  if (lookup && isIP(host) && !isPublicAddress(host)) throw new AddressRefused();
}

class HttpTunnel extends HttpsProxyAgent<string> {
  readonly #way: Way;

  constructor(url: URL, way: Way) {
    // Apart from the URL, which the library hands on and may print.
    const { username, password } = url;
    const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const credentials = username || password ? Buffer.from(secret).toString("base64") : null;
    const headers = credentials === null ? {} : { "Proxy-Authorization": `Basic ${credentials}` };
    const bare = `${url.protocol}//${url.host}`;
    const how = { signal: way.signal, ...(way.lookup ? { lookup: way.lookup } : {}) };
    super(bare, { headers, ...how });
    this.#way = way;
  }

  override async connect(...[request, options]: Parameters<HttpsProxyAgent<string>["connect"]>) {
    const target = this.connectOpts as { host: string; port: number; socket?: unknown };
    admit(this.#way, target.host);
    if (this.proxy.protocol === "https:") {
      // `tls.connect` knows no signal.
      const { lookup, signal } = this.#way;
      const socket = connect({ host: target.host, port: target.port, signal, ...(lookup ? { lookup } : {}) });
      await once(socket, "connect");
      target.socket = socket;
    }
    let status = 0;
    request.once("proxyConnect", ({ statusCode }: { statusCode: number }) => (status = statusCode));
    const socket = await super.connect(request, options);
    if (status !== 200) {
      socket.destroy();
      throw new ProxyRefused(status);
    }
    this.#way.onThrough();
    return socket;
  }
}

class SocksTunnel extends SocksProxyAgent {
  readonly #way: Way;

  constructor(url: URL, way: Way) {
    // socks5h: the proxy resolves WhatsApp's name, as it would for a browser behind it.
    super(url.href.replace(/^socks5:/, "socks5h:"), way.lookup ? { socketOptions: { lookup: way.lookup } } : {});
    this.#way = way;
    // With brackets an address would pass for a name.
    this.proxy.host = unbracketed(url.hostname);
  }

  override async connect(...[request, options]: Parameters<SocksProxyAgent["connect"]>) {
    admit(this.#way, this.proxy.host ?? "");
    const socket = await super.connect(request, options);
    this.#way.onThrough();
    return socket;
  }
}

/** The host of a URL as sockets take it. */
export const unbracketed = (host: string) => host.replaceAll(/^\[|\]$/g, "");

/** The schemes of proxies, and the port where a URL names none. */
export const proxySchemes = { "http:": 80, "https:": 443, "socks5:": 1080 } as const;

/** The agent that leads through a proxy. Throws for a URL that is none of a proxy. */
export function proxyAgent(text: string, way: Way): Agent & Pick<HttpTunnel, "connect"> {
  const url = new URL(text);
  if (!(url.protocol in proxySchemes) || url.hostname === "") throw new TypeError("not a proxy's URL");
  return url.protocol === "socks5:" ? new SocksTunnel(url, way) : new HttpTunnel(url, way);
}
