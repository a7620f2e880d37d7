import { once } from "node:events";
import { type Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { HttpsProxyAgent } from "https-proxy-agent";
import { SocksProxyAgent } from "socks-proxy-agent";
import { AddressRefused, isPublicAddress } from "./addresses.ts";

/** How connections to a proxy are opened. */
export interface ProxyAccess {
  /** Null allows any address. */
  lookup: LookupFunction | null;
  /** Aborts connections that are being opened. */
  signal: AbortSignal;
  /** The proxy has connected to the target. */
  onConnected(): void;
}

/** The proxy refused the connection. The text holds nothing that the proxy said. */
export class ProxyRefused extends Error {
  override readonly name = "ProxyRefused";
  constructor(status: number) {
    super(`the proxy refused with ${status}`);
  }
}

/** Throws when the host is a private address. Names are checked when they are resolved. */
function requireAllowed({ lookup }: ProxyAccess, host: string): void {
  if (lookup && isIP(host) && !isPublicAddress(host)) throw new AddressRefused();
}

class HttpTunnel extends HttpsProxyAgent<string> {
  readonly #access: ProxyAccess;

  constructor(url: URL, access: ProxyAccess) {
    // The credentials are kept out of the URL, because the library passes the URL on and may print it.
    const { username, password } = url;
    const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const credentials = username || password ? Buffer.from(secret).toString("base64") : null;
    const headers = credentials === null ? {} : { "Proxy-Authorization": `Basic ${credentials}` };
    const bare = `${url.protocol}//${url.host}`;
    super(bare, { headers });
    this.#access = access;
  }

  /** The library's own method buffers any amount of headers. Node's HTTP parser, used here, has a limit. */
  override async connect(...[, options]: Parameters<HttpsProxyAgent<string>["connect"]>) {
    const { host, port } = this.connectOpts as { host: string; port: number };
    requireAllowed(this.#access, host);
    const { lookup, signal } = this.#access;
    const plain = connect({ host, port, signal, ...(lookup ? { lookup } : {}) });
    await once(plain, "connect");
    const isSecure = this.proxy.protocol === "https:";
    const toProxy = isSecure ? connectTls({ socket: plain, ALPNProtocols: ["http/1.1"], ...serverName(host) }) : plain;
    const socket = await this.#connectThrough(toProxy, `${hostOf(options.host ?? "")}:${options.port}`);
    this.#access.onConnected();
    if (!options.secureEndpoint) return socket;
    const { host: name = "", path: _path, port: _port, ...rest } = options;
    return connectTls({ ...serverName(name), ...rest, socket });
  }

  /** Resolves with the socket when the proxy has connected to the target. */
  async #connectThrough(socket: Socket, target: string): Promise<Socket> {
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
  readonly #access: ProxyAccess;

  constructor(url: URL, access: ProxyAccess) {
    // socks5h: the proxy resolves WhatsApp's name.
    super(url.href.replace(/^socks5:/, "socks5h:"), access.lookup ? { socketOptions: { lookup: access.lookup } } : {});
    this.#access = access;
    // With brackets an IPv6 address would be treated as a name.
    this.proxy.host = withoutBrackets(url.hostname);
  }

  override async connect(...[request, options]: Parameters<SocksProxyAgent["connect"]>) {
    requireAllowed(this.#access, this.proxy.host ?? "");
    const { signal } = this.#access;
    const socket = await super.connect(request, options);
    // A proxy can answer after the abort. Without this, such a connection would stay open.
    if (signal.aborted) socket.destroy();
    signal.throwIfAborted();
    signal.addEventListener("abort", () => socket.destroy());
    this.#access.onConnected();
    return socket;
  }
}

/** TLS has server names for hosts only, not for addresses. */
const serverName = (host: string) => (host === "" || isIP(host) ? {} : { servername: host });

const hostOf = (host: string) => (isIP(host) === 6 ? `[${host}]` : host);

/** The host of a URL as sockets take it. */
export const withoutBrackets = (host: string) => host.replaceAll(/^\[|\]$/g, "");

/** The schemes of proxies, with their default ports. */
export const proxySchemes = { "http:": 80, "https:": 443, "socks5:": 1080 } as const;

/** An agent that connects through a proxy. Throws for a URL that does not name a proxy. */
export function proxyAgent(text: string, access: ProxyAccess): Agent & Pick<HttpTunnel, "connect"> {
  const url = new URL(text);
  if (!(url.protocol in proxySchemes) || url.hostname === "") throw new TypeError("not a proxy's URL");
  return url.protocol === "socks5:" ? new SocksTunnel(url, access) : new HttpTunnel(url, access);
}
