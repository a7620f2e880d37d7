import { EventEmitter, once } from "node:events";
import type { Agent, ClientRequest } from "node:http";
import type { LookupFunction, Socket } from "node:net";
import { type buildConnector, Agent as Dispatcher } from "undici";
import { proxyAgent, withoutBrackets } from "./agents.ts";

/** The connections of one socket through its session's proxy: the WebSocket, uploads and downloads. */
export interface Tunnel {
  /** For WebSockets and requests of `node:http`. */
  agent: Agent;
  /** For `fetch`. */
  dispatcher: NonNullable<RequestInit["dispatcher"]>;
  /** The proxy has connected to a target at least once. */
  isConnected(): boolean;
  close(): void;
}

export interface Tunnels {
  open(url: string): Tunnel;
  /** Resolves when the proxy connects to WhatsApp; rejects when it does not, or at the signal. */
  probe(url: string, signal: AbortSignal): Promise<void>;
}

interface Options {
  /** WhatsApp's address. */
  wsUrl: string;
  /** Null allows proxies at any address. */
  lookup: LookupFunction | null;
}

interface Target {
  host: string;
  port: number;
  isSecure: boolean;
  servername?: string | undefined;
}

export function createTunnels({ wsUrl, lookup }: Options): Tunnels {
  const { hostname, protocol, port } = new URL(wsUrl);
  const isSecure = protocol === "wss:";
  const whatsapp: Target = { host: withoutBrackets(hostname), port: Number(port || (isSecure ? 443 : 80)), isSecure };

  return {
    open(url) {
      const life = new AbortController();
      let isConnected = false;
      const agent = proxyAgent(url, { lookup, signal: life.signal, onConnected: () => (isConnected = true) });
      const dispatcher = new Dispatcher({
        connect(to, done) {
          const target = { host: withoutBrackets(to.hostname), isSecure: to.protocol === "https:" };
          const { port: number, servername } = to;
          const destination = { ...target, port: Number(number || (target.isSecure ? 443 : 80)), servername };
          void answer(dial(agent, destination), done);
        },
      });
      return {
        agent,
        // Node's own types are of another version of undici.
        dispatcher: dispatcher as unknown as Tunnel["dispatcher"],
        isConnected: () => isConnected,
        close() {
          life.abort();
          agent.destroy();
          dispatcher.destroy().catch(() => undefined);
        },
      };
    },
    async probe(url, signal) {
      const life = new AbortController();
      const agent = proxyAgent(url, { lookup, signal: life.signal, onConnected: () => undefined });
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("the proxy does not answer")));
      });
      try {
        const socket = await Promise.race([dial(agent, whatsapp), aborted]);
        socket.destroy();
      } finally {
        life.abort();
      }
    },
  };
}

async function answer(dialed: Promise<Socket>, done: buildConnector.Callback): Promise<void> {
  try {
    done(null, await dialed);
  } catch (error) {
    done(error as Error, null);
  }
}

/** Opens a connection through the agent, and runs the TLS handshake for a secure target. */
async function dial(agent: ReturnType<typeof proxyAgent>, target: Target): Promise<Socket> {
  const { host, port, isSecure, servername = host } = target;
  // The agents report their progress to a request.
  const request = Object.assign(new EventEmitter(), { destroy() {} }) as unknown as ClientRequest;
  const options = { host, port, secureEndpoint: isSecure, ...(isSecure ? { servername } : {}) };
  const socket = await agent.connect(request, options);
  if (isSecure) await once(socket, "secureConnect");
  else request.emit("socket", socket);
  return socket;
}
