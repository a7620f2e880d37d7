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
      `port ${ports[name]} (${name}) is taken: stop what uses it, or start elsewhere with "npm start -- --port ${first + 100}"`,
    );
  }
  return ports;
}

/** Six ports that are free now. */
export async function randomPorts(): Promise<Ports> {
  const held = await Promise.all(names.map(() => hold(0)));
  const ports = Object.fromEntries(names.map((name, i) => [name, held[i]?.port ?? 0])) as Record<keyof Ports, number>;
  await Promise.all(held.map(({ release }) => release()));
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  try {
    await (await hold(port)).release();
    return true;
  } catch {
    return false;
  }
}

function hold(port: number): Promise<{ port: number; release: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address ? address.port : port,
        release: () => new Promise((released) => server.close(() => released())),
      });
    });
  });
}
