import { createServer } from "node:net";

/** Who listens where, always on 127.0.0.1. */
export interface Ports {
  edge: number;
  connector: number;
  simulator: number;
  libsql: number;
  redis: number;
  qstash: number;
  /** Of each connector: the one above, unless there are several, which share it. */
  connectors: number[];
}

/** How many connectors the stack may have. */
export const maxConnectors = 8;

const names = ["edge", "connector", "simulator", "libsql", "redis", "qstash"] as const;

/** Six ports in a row from this one on, and one more for each of several connectors. Rejects with a sentence that names the one that is taken. */
export async function portsFrom(first: number, connectors = 1): Promise<Ports> {
  const ports = Object.fromEntries(names.map((name, i) => [name, first + i])) as Record<(typeof names)[number], number>;
  const own = Array.from({ length: connectors }, (_, i) => first + names.length + i);
  const taken = connectors === 1 ? [] : own.map((port, i): [string, number] => [`connector ${i + 1}`, port]);
  for (const [name, port] of [...Object.entries(ports), ...taken]) {
    if (await isFree(port)) continue;
    throw new Error(
      `port ${port} (${name}) is taken: stop what uses it, or start elsewhere with "npm start -- --port ${first + 100} --data .data-2"`,
    );
  }
  return { ...ports, connectors: connectors === 1 ? [ports.connector] : own };
}

/** The same from somewhere below the ports that the system gives to outgoing connections. */
export async function randomPorts(connectors = 1): Promise<Ports> {
  for (;;) {
    const first = 10_000 + Math.floor(Math.random() * 20_000);
    try {
      return await portsFrom(first, connectors);
    } catch {
      // One of them is taken; others are not.
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
