// Not a test: node test/support/bench.ts [messages] [clients] [recipients]. The connector runs in a child process.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { until } from "./fake-edge.ts";
import { newId, sendJob, startRig } from "./rig.ts";

const [messages = 2000, clients = 16, recipients = 50] = process.argv.slice(2).map(Number);
const rig = await startRig({ environment: { LOG_LEVEL: "info" } });
await rig.stop();
const child = spawn(process.execPath, [fileURLToPath(new URL("../../src/main.ts", import.meta.url))], {
  env: { ...process.env, ...rig.environment, LOG_LEVEL: "info" },
  stdio: ["ignore", "ignore", "inherit"],
});
const cpu = () => {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};
await until("it is up", () =>
  fetch(`${rig.edge.connectorUrl}/healthz`).then(
    (r) => r.ok,
    () => false,
  ),
);
const sessionId = await rig.pair("+6281200000001");
const phones = Array.from({ length: recipients }, (_, i) => `+62813000${String(i).padStart(5, "0")}`);
for (const number of phones) rig.simulator.createPhone({ number, receipts: "read" });
for (const to of phones) await rig.send(sessionId, { to, code: "123456" });
await new Promise((resolve) => setTimeout(resolve, 1000));

const jobs = await Promise.all(
  Array.from({ length: messages }, async (_, i) => {
    const messageId = newId("msg");
    await rig.edge.accept(messageId, { to: phones[i % recipients]!, code: String(100000 + i) });
    return sendJob(messageId, sessionId);
  }),
);
const before = cpu();
const startedAt = performance.now();
const times: number[] = [];
await Promise.all(
  Array.from({ length: clients }, async () => {
    for (let job = jobs.pop(); job; job = jobs.pop()) {
      const at = performance.now();
      const { status } = await rig.edge.deliver("/jobs/send", job);
      if (status !== 200) process.stdout.write(`status ${status}\n`);
      times.push(performance.now() - at);
    }
  }),
);
const took = performance.now() - startedAt;
await until(
  "everything is reported",
  () => rig.edge.events.filter(({ type }) => type === "message.read").length >= messages + recipients,
  20_000,
);
const used = cpu() - before;
times.sort((a, b) => a - b);
process.stdout.write(
  `${messages} messages, ${clients} clients: ${((messages / took) * 1000).toFixed(0)}/s, p50 ${times[messages >> 1]!.toFixed(1)} ms, ` +
    `p95 ${times[Math.floor(messages * 0.95)]!.toFixed(1)} ms, connector ${(used / messages).toFixed(2)} ms CPU per message with its receipts\n`,
);
process.stdout.write(`${JSON.stringify(rig.simulator.stats())}\n`);
const closed = new Promise((resolve) => child.on("exit", resolve));
child.kill("SIGTERM");
process.stdout.write(`exit ${String(await closed)}\n`);
await rig.close();
process.exit(0);
