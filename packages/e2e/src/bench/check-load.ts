/** The clients of `pnpm bench check`, in a process of their own. Each sends its next request after an answer. */
import { Agent } from "node:http";
import { ask } from "./ask.ts";

export interface CheckLoad {
  url: string;
  headers: Record<string, string>;
  /** Sent one after the other. With `repeat`, the first one is sent that often. */
  requests: { method: string; path: string; body?: string }[];
  repeat?: number;
  clients: number;
  /** The expected status of every answer. */
  status: number;
  /** After this time the load ends. */
  seconds: number;
}

/** Milliseconds of each answer, and the time of all of them. */
export interface CheckLoadReport {
  answered: number[];
  seconds: number;
  /** The CPU time of this process. */
  cpuMs: number;
}

process.once("message", (load) => {
  void run(load as CheckLoad).then((report) => process.send?.(report, () => process.exit(0)));
});

async function run(load: CheckLoad): Promise<CheckLoadReport> {
  const { requests, clients, repeat = requests.length } = load;
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const answered: number[] = [];
  let next = 0;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const client = async () => {
    while (next < repeat && performance.now() - startedAt < load.seconds * 1000) {
      const at = performance.now();
      const which = requests[next++ % requests.length];
      if (!which) break;
      const { status } = await ask(agent, { ...which, url: load.url + which.path, headers: load.headers });
      if (status !== load.status) throw new Error(`${which.method} ${which.path}: ${status}`);
      answered.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  agent.destroy();
  return { answered, seconds, cpuMs: (user + system) / 1000 };
}
