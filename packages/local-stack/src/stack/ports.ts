import { createServer } from "node:net";

/** The ports of the parts, all on 127.0.0.1. */
export interface Ports {
  edge: number;
  connector: number;
  simulator: number;
  libsql: number;
  redis: number;
  qstash: number;
  /** The port of each connector. A single connector has the port `connector`. Several have the balancer there. */
  connectors: number[];
}

/** The most connectors that a stack can have. */
export const maxConnectors = 8;

const names = ["edge", "connector", "simulator", "libsql", "redis", "qstash"] as const;

/** Six ports in a row, and one more for each of several connectors. Rejects when a port is taken, and names it. */
export async function portsFrom(first: number, connectors = 1): Promise<Ports> {
  const ports = Object.fromEntries(names.map((name, i) => [name, first + i])) as Record<(typeof names)[number], number>;
  const own = Array.from({ length: connectors }, (_, i) => first + names.length + i);
  const taken = connectors === 1 ? [] : own.map((port, i): [string, number] => [`connector ${i + 1}`, port]);
  for (const [name, port] of [...Object.entries(ports), ...taken]) {
    if (await isFree(port)) continue;
    throw new Error(
      `port ${port} (${name}) is taken. Stop the process that uses it, or start with other ports: "npm start -- --port ${first + 100} --data .data-2"`,
    );
  }
  return { ...ports, connectors: connectors === 1 ? [ports.connector] : own };
}

/** Free ports below those that the system uses for outgoing connections. */
export async function randomPorts(connectors = 1): Promise<Ports> {
  for (;;) {
    const first = 10_000 + Math.floor(Math.random() * 20_000);
    try {
      return await portsFrom(first, connectors);
    } catch {
      // A port is taken: try others.
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
