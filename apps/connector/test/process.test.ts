import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";
import { knownSecrets, leaksIn } from "./support/secrets.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

let rig: Rig;
let child: ChildProcess | undefined;
let output = "";

/** The connector as a process of its own, all of its output kept. */
async function startProcess(environment: Record<string, string> = {}): Promise<void> {
  const env = { PATH: process.env["PATH"], ...rig.environment, ...environment };
  const started = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "pipe"] });
  child = started;
  started.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  started.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await until("it is ready", () =>
    fetch(`${rig.edge.connectorUrl}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
}

async function stopProcess(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child?.once("exit", resolve));
  child?.kill(signal);
  const code = await ended;
  child = undefined;
  return code;
}

async function withRig(): Promise<void> {
  output = "";
  rig = await startRig();
  await rig.stop();
}

afterEach(async () => {
  if (child) await stopProcess("SIGKILL");
  await rig.close();
});

test("after kill -9 during 200 codes, each code is on its phone exactly once after the restart", async () => {
  await withRig();
  await startProcess();
  const sessionId = await rig.pair("+6281200000001");
  const phones = Array.from({ length: 40 }, (_, i) => `+62813000001${String(i).padStart(2, "0")}`);
  for (const number of phones) rig.simulator.createPhone({ number, receipts: "read" });
  const messages = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const message = { id: newId("msg"), to: phones[i % phones.length]!, code: String(100_000 + i) };
      await rig.edge.accept(message.id, message);
      return message;
    }),
  );
  const deliveries = messages.map(({ id }) =>
    rig.edge.deliverUntilDone("/jobs/send", sendJob(id, sessionId), { times: 400 }),
  );
  await until("some are on their way", () => rig.simulator.stats().messagesShown >= 60);
  await stopProcess("SIGKILL");
  const killedAt = rig.simulator.stats().messagesShown;
  expect(killedAt).toBeLessThan(200);
  await startProcess();
  expect(await Promise.all(deliveries)).toEqual(messages.map(() => 200));
  await until("all are read", () => messages.every(({ id }) => rig.edge.typesOf(id).includes("message.read")));
  for (const { to, code } of messages) {
    expect(rig.simulator.messages(to).filter(({ text }) => text.includes(code))).toHaveLength(1);
  }
  for (const { id } of messages) {
    expect(rig.edge.typesOf(id)).toEqual(["message.sent", "message.delivered", "message.read"]);
  }
  expect(rig.simulator.stats().undecryptable).toBe(0);
  expect(rig.simulator.stats().devicesWithTwoOwners).toBe(0);
});

test("after kill -9 during 200 incoming messages, each is reported exactly once after the restart", async () => {
  await withRig();
  await startProcess();
  const own = "+6281200000001";
  await rig.pair(own);
  const people = Array.from({ length: 20 }, (_, i) => `+62813000002${String(i).padStart(2, "0")}`);
  for (const number of people) rig.simulator.createPhone({ number, addressing: "lid" });
  const sent = Array.from({ length: 200 }, (_, i) => ({
    from: people[i % people.length]!,
    token: `7777777777${String(i).padStart(3, "0")}`,
  }));
  const reported = () => rig.edge.events.flatMap((event) => (event.type === "message.received" ? [event] : []));
  const writing = sent.map(({ from, token }) => rig.simulator.send(from, { to: own, text: `SV-${token}` }));
  await until("some are reported", () => reported().length >= 50);
  await stopProcess("SIGKILL");
  expect(reported().length).toBeLessThan(200);
  await Promise.all(writing);
  await startProcess();
  await until("all are reported", () => new Set(reported().map(({ token }) => token)).size === 200);
  await until("the server has nothing left for it", () => rig.simulator.phone(own).devices[0]!.queued === 0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const pairs = reported().map(({ from, token }) => `${token} ${from}`);
  expect(pairs.sort()).toEqual(sent.map(({ from, token }) => `${token} ${from}`));
});

test("nothing secret is printed, sent to the edge, or readable in the database", async () => {
  await withRig();
  await startProcess({ LOG_LEVEL: "debug" });
  const sessionId = await rig.pair("+6281200000001");
  const user = "+6281388887777";
  rig.simulator.createPhone({ number: user, receipts: "read" });
  const secrets = [
    "739155",
    "Your Acme code",
    "a long private text",
    "6281388887777",
    "81200000001",
    "a written answer",
  ];
  await rig.send(sessionId, { to: user, code: "739155" });
  await rig.send(sessionId, { to: user, text: "a long private text" });
  await rig.simulator.send(user, { to: "+6281200000001", text: "a written answer" });
  // What makes libsignal and Baileys log: a damaged message, a new session, a refusal, lost connections, a logout.
  rig.simulator.setFault({ kind: "corrupt-to-companion", number: "+6281200000001", times: 1 });
  await rig.simulator.send(user, { to: "+6281200000001", text: "a written answer" });
  rig.simulator.setFault({ kind: "corrupt-to-phone", number: user, times: 1 });
  await rig.send(sessionId, { to: user, code: "739155" });
  rig.simulator.setFault({ kind: "send-error", code: 479, to: user, times: 1 });
  await rig.send(sessionId, { to: user, code: "739155" });
  rig.simulator.setFault({ kind: "tampered-bundle", number: user, times: 1 });
  rig.simulator.setFault({ kind: "drop" });
  await until("it is back", () => rig.edge.statesOf(sessionId).filter((state) => state === "online").length === 2);
  const database = () =>
    readdirSync(rig.folder)
      .map((name) => readFileSync(join(rig.folder, name), "latin1"))
      .join("");
  const [stored] = [database()];
  // While the credentials are there to know their keys from.
  const known = await knownSecrets(rig);
  expect(known.size).toBeGreaterThan(200);
  rig.simulator.setFault({ kind: "device-removed" });
  await until("it has ended", () => rig.edge.statesOf(sessionId).at(-1) === "ended/logged_out");
  expect(await stopProcess("SIGTERM")).toBe(0);

  expect(output).toContain('"msg":"sent"');
  for (const secret of secrets) expect([secret, output.includes(secret)]).toEqual([secret, false]);
  expect(leaksIn(output, known)).toEqual([]);
  for (const name of ["STORE_KEYS", "CONNECTOR_SEAL_PRIVATE_KEY", "QSTASH_CURRENT_SIGNING_KEY"]) {
    expect([name, output.includes(rig.environment[name]!)]).toEqual([name, false]);
  }
  // The edge knows the session's own number and who wrote to it, but not who receives what.
  expect(rig.edge.bodies.join("\n")).toContain(`"from":"${user}"`);
  const reported = rig.edge.bodies.join("\n").replaceAll(`"from":"${user}"`, "");
  expect(reported).toContain("message.read");
  // What people write goes to the edge with its event. What was sent does not.
  expect(reported).toContain("a written answer");
  for (const secret of ["739155", "Your Acme code", "a long private text", "81388887777"]) {
    expect([secret, reported.includes(secret)]).toEqual([secret, false]);
  }
  for (const line of output.trim().split("\n")) expect(() => JSON.parse(line) as unknown).not.toThrow();
  for (const secret of [
    "739155",
    "Your Acme code",
    "a long private text",
    "a written answer",
    "privKey",
    "noiseKey",
    "81388887777",
  ]) {
    expect([secret, stored.includes(secret), database().includes(secret)]).toEqual([secret, false, false]);
  }
});

test("SIGTERM lets running jobs finish, and an idle connector ends quickly", async () => {
  await withRig();
  await startProcess();
  const sessionId = await rig.pair("+6281200000001");
  const user = "+6281300000001";
  rig.simulator.createPhone({ number: user, receipts: "none" });
  rig.simulator.updatePhone("+6281200000001", { latencyMs: 100 });
  const messageId = newId("msg");
  await rig.edge.accept(messageId, { to: user, code: "121212" });
  const sending = rig.edge.deliver("/jobs/send", sendJob(messageId, sessionId));
  await until("it is claimed", () => rig.edge.claims.length > 0);
  const stopped = stopProcess("SIGTERM");
  expect((await sending).status).toBe(200);
  expect(await stopped).toBe(0);
  expect(rig.edge.typesOf(messageId)).toEqual(["message.sent"]);
  expect(rig.simulator.phone("+6281200000001").devices[0]!.connected).toBe(false);

  // A wait for the end of that time would exceed the test's time-out.
  await startProcess({ DRAIN_SECONDS: "300" });
  await until("it is back", () => rig.simulator.phone("+6281200000001").devices[0]!.connected);
  expect(await stopProcess("SIGTERM")).toBe(0);
});

test("a wrong environment is named, its values are not", async () => {
  await withRig();
  const env = { PATH: process.env["PATH"], ...rig.environment, STORE_KEYS: "k1:notakey", EDGE_URL: "" };
  const started = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  started.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  expect(await new Promise((resolve) => started.once("close", resolve))).toBe(1);
  expect(said).toContain("STORE_KEYS: must read kid:base64url");
  expect(said).toContain("EDGE_URL: is missing");
  expect(said).not.toContain("notakey");
  expect(said).not.toContain(" at ");
});
