import { once } from "node:events";
import { type Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
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
    super(bare, { headers });
    this.#way = way;
  }

  /** In place of the library's own, which keeps whatever a proxy says until its headers end: Node's parser has a limit. */
  override async connect(...[, options]: Parameters<HttpsProxyAgent<string>["connect"]>) {
    const { host, port } = this.connectOpts as { host: string; port: number };
    admit(this.#way, host);
    const { lookup, signal } = this.#way;
    const plain = connect({ host, port, signal, ...(lookup ? { lookup } : {}) });
    await once(plain, "connect");
    const isSecure = this.proxy.protocol === "https:";
    const toProxy = isSecure ? connectTls({ socket: plain, ALPNProtocols: ["http/1.1"], ...named(host) }) : plain;
    const socket = await this.#lead(toProxy, `${hostOf(options.host ?? "")}:${options.port}`);
    this.#way.onThrough();
    if (!options.secureEndpoint) return socket;
    const { host: name = "", path: _path, port: _port, ...rest } = options;
    return connectTls({ ...named(name), ...rest, socket });
  }

  /** Resolves with the socket when the proxy has led to the target. */
  async #lead(socket: Socket, target: string): Promise<Socket> {
    const headers = { ...(this.proxyHeaders as Record<string, string>), host: target };
    const asked = httpRequest({ method: "CONNECT", path: target, headers, createConnection: () => socket });
    try {
      const answered = once(asked, "connect") as Promise<[IncomingMessage, Socket, Buffer]>;
      asked.end();
      const [{ statusCode = 0 }, , head] = await answered;
      if (statusCode !== 200) throw new ProxyRefused(statusCode);
      if (head.length > 0) socket.unshift(head);
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
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
    const { signal } = this.#way;
    const socket = await super.connect(request, options);
    // A proxy may answer when nobody waits any more: each such connection would stay open for as long as it likes.
    if (signal.aborted) socket.destroy();
    signal.throwIfAborted();
    signal.addEventListener("abort", () => socket.destroy());
    this.#way.onThrough();
    return socket;
  }
}

/** TLS names hosts, not addresses. */
const named = (host: string) => (host === "" || isIP(host) ? {} : { servername: host });

const hostOf = (host: string) => (isIP(host) === 6 ? `[${host}]` : host);

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
