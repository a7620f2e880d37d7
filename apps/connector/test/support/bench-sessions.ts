// Not a test: node test/support/bench-sessions.ts [sessions]. Links them, kills the connector with -9 and times the return.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { until } from "./fake-edge.ts";
import { startRig } from "./rig.ts";

const [sessions = 200] = process.argv.slice(2).map(Number);
const rig = await startRig();
await rig.stop();
const start = () =>
  spawn(process.execPath, [fileURLToPath(new URL("../../src/main.ts", import.meta.url))], {
    env: { ...process.env, ...rig.environment, LOG_LEVEL: "info" },
    stdio: ["ignore", "ignore", "inherit"],
  });
const memory = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
let child = start();
await until("it is up", () =>
  fetch(`${rig.edge.connectorUrl}/healthz`).then(
    (r) => r.ok,
    () => false,
  ),
);
const numbers = Array.from({ length: sessions }, (_, i) => `+62812${String(i).padStart(8, "0")}`);
for (let i = 0; i < sessions; i += 10) await Promise.all(numbers.slice(i, i + 10).map((number) => rig.pair(number)));
await new Promise((resolve) => setTimeout(resolve, 3000));
process.stdout.write(`${sessions} sessions paired, ${memory(child.pid!).toFixed(0)} MB RSS\n`);
const dead = new Promise((resolve) => child.on("exit", resolve));
child.kill("SIGKILL");
await dead;
await until("all are gone", () => rig.simulator.stats().sockets.open === 0);
const events = rig.edge.events.length;
const at = performance.now();
child = start();
await until("all are back", () => rig.simulator.stats().sockets.loggedIn === sessions, 60_000);
const loggedIn = performance.now() - at;
const online = () =>
  rig.edge.events.slice(events).filter((event) => event.type === "session.state" && event.state === "online").length;
await until("all are reported", () => online() === sessions, 60_000);
process.stdout.write(
  `back after ${loggedIn.toFixed(0)} ms, reported after ${(performance.now() - at).toFixed(0)} ms\n`,
);
await new Promise((resolve) => setTimeout(resolve, 5000));
process.stdout.write(
  `${memory(child.pid!).toFixed(0)} MB RSS after the restart, two owners: ${rig.simulator.stats().devicesWithTwoOwners}\n`,
);
const stopAt = performance.now();
const ended = new Promise((resolve) => child.on("exit", resolve));
child.kill("SIGTERM");
process.stdout.write(`exit ${String(await ended)} after ${(performance.now() - stopAt).toFixed(0)} ms\n`);
await rig.close();
process.exit(0);
