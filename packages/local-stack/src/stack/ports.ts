import { createServer } from "node:net";

/** Who listens where, always on 127.0.0.1. */
export interface Ports {
  edge: number;
  connector: number;
  simulator: number;
  libsql: number;
  redis: number;
  qstash: number;
}

const names = ["edge", "connector", "simulator", "libsql", "redis", "qstash"] as const;

/** Six ports in a row from this one on. Rejects with a sentence that names the one that is taken. */
export async function portsFrom(first: number): Promise<Ports> {
  const ports = Object.fromEntries(names.map((name, i) => [name, first + i])) as Record<keyof Ports, number>;
  for (const name of names) {
    if (await isFree(ports[name])) continue;
    throw new Error(
      `port ${ports[name]} (${name}) is taken: stop what uses it, or start elsewhere with "npm start -- --port ${first + 100} --data .data-2"`,
    );
  }
  return ports;
}

/** Six ports in a row that are free now, below those that the system gives to outgoing connections. */
export async function randomPorts(): Promise<Ports> {
  for (;;) {
    const first = 10_000 + Math.floor(Math.random() * 20_000);
    try {
      return await portsFrom(first);
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
