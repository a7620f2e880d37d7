import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { until } from "./fake-edge.ts";
import { freePort, type Rig } from "./rig.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** A connector of the rig's database as a process of its own. */
export interface Member {
  id: string;
  url: string;
  process: ChildProcess;
  output: () => string;
  /** Resolves with the exit code. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<number | null>;
}

/** Starts one; all of them share the public address. */
export async function startMember(rig: Rig, id: string, environment: Record<string, string> = {}): Promise<Member> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const own = { CONNECTOR_ID: id, PORT: String(port), METRICS_PORT: String(metricsPort), DRAIN_SECONDS: "2" };
  const env = { PATH: process.env["PATH"], ...rig.environment, ...own, ...environment };
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await until(`${id} is ready`, () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    id,
    url,
    process: child,
    output: () => output,
    async stop(signal) {
      child.kill("SIGCONT");
      child.kill(signal);
      return exited;
    },
  };
}
