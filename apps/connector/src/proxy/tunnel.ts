import { EventEmitter, once } from "node:events";
import type { Agent, ClientRequest } from "node:http";
import type { LookupFunction, Socket } from "node:net";
import { type buildConnector, Agent as Dispatcher } from "undici";
import { proxyAgent, unbracketed } from "./agents.ts";

/** A way through a session's proxy, for one connection and what belongs to it. */
export interface Tunnel {
  /** For WebSockets and requests of `node:http`. */
  agent: Agent;
  /** For `fetch`. */
  dispatcher: NonNullable<RequestInit["dispatcher"]>;
  /** The proxy has led to the other side. */
  isThrough(): boolean;
  close(): void;
}

export interface Tunnels {
  open(url: string): Tunnel;
  /** Resolves when the proxy leads to WhatsApp; rejects when it does not, or at the signal. */
  probe(url: string, signal: AbortSignal): Promise<void>;
}

interface Options {
  /** Where WhatsApp is. */
  wsUrl: string;
  /** Null: proxies may be anywhere. */
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
  const whatsapp: Target = { host: unbracketed(hostname), port: Number(port || (isSecure ? 443 : 80)), isSecure };

  return {
    open(url) {
      const life = new AbortController();
      let isThrough = false;
      const agent = proxyAgent(url, { lookup, signal: life.signal, onThrough: () => (isThrough = true) });
      const dispatcher = new Dispatcher({
        connect(to, done) {
          const target = { host: unbracketed(to.hostname), isSecure: to.protocol === "https:" };
          const { port: number, servername } = to;
          const goal = { ...target, port: Number(number || (target.isSecure ? 443 : 80)), servername };
          void answer(dial(agent, goal), done);
        },
      });
      return {
        agent,
        // Node's own types are of another version of undici.
        dispatcher: dispatcher as unknown as Tunnel["dispatcher"],
        isThrough: () => isThrough,
        close() {
          life.abort();
          agent.destroy();
          dispatcher.destroy().catch(() => undefined);
        },
      };
    },
    async probe(url, signal) {
      const life = new AbortController();
      const agent = proxyAgent(url, { lookup, signal: life.signal, onThrough: () => undefined });
      const gone = new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("the proxy does not answer")));
      });
      try {
        const socket = await Promise.race([dial(agent, whatsapp), gone]);
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

/** Opens a connection through the agent, with the TLS handshake where there is one. */
async function dial(agent: ReturnType<typeof proxyAgent>, target: Target): Promise<Socket> {
  const { host, port, isSecure, servername = host } = target;
  // The agents want a request to tell of their progress.
  const request = Object.assign(new EventEmitter(), { destroy() {} }) as unknown as ClientRequest;
  const options = { host, port, secureEndpoint: isSecure, ...(isSecure ? { servername } : {}) };
  const socket = await agent.connect(request, options);
  if (isSecure) await once(socket, "secureConnect");
  else request.emit("socket", socket);
  return socket;
}
