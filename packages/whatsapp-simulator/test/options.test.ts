import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { linked, newWorld, sender, sendText, until, user, userJid } from "./support/world.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

describe("options", () => {
  it("takes its time, its chance and its patience from outside", async () => {
    const later: { afterMs: number; go: () => void }[] = [];
    let chance = 0;
    const simulator = await newWorld({
      now: () => Date.UTC(2030, 0, 1),
      random: (bytes) => Buffer.alloc(bytes, ++chance),
      schedule: (go, afterMs) => {
        const entry = { go, afterMs };
        later.push(entry);
        return () => void later.splice(later.indexOf(entry), 1);
      },
      readDelayMs: 60_000,
    });
    const { id, at } = await simulator.send(sender, { to: user, text: "in the future" });
    expect({ id, at }).toEqual({ id: "3A030303030303030303", at: "2030-01-01T00:00:00.000Z" });
    await until(() => later.length > 0);
    expect(simulator.messages(sender)).toMatchObject([{ status: "delivered" }]);
    later.find(({ afterMs }) => afterMs === 60_000)?.go();
    expect(simulator.messages(sender)).toMatchObject([{ status: "read" }]);
  });

  it("delays every frame by the latency it is given", async () => {
    const simulator = await newWorld({ latencyMs: 25 });
    const session = await linked(simulator);
    const start = performance.now();
    await session.ack(await sendText(session, userJid, "slow"));
    expect(performance.now() - start).toBeGreaterThan(24);
  });
});

describe("command line", () => {
  it("says where it is in one line, and on SIGTERM writes its state and exits with 0", async () => {
    const folder = await mkdtemp(join(tmpdir(), "simulator-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const state = join(folder, "whatsapp.json");
    const program = run(["--port", "0", "--state", state]);
    const line = await program.line;
    const ready =
      /^simulated WhatsApp ready: page (http\S+) wsUrl ws:\/\/127\.0\.0\.1:\d+\/ws\/chat rootKey [0-9a-f]{64}\n$/.exec(
        line,
      );
    expect(ready).not.toBeNull();
    const body = JSON.stringify({ number: user });
    await fetch(`${ready?.[1]}/phones`, { method: "POST", body, headers: { "content-type": "application/json" } });
    program.child.kill("SIGTERM");
    expect(await program.ended).toEqual({ code: 0, complaint: "" });
    expect(await readFile(state, "utf8")).toContain(`"number":"${user.slice(1)}"`);
  });

  it.each([
    [["--host", "0.0.0.0"], "listens on loopback only"],
    [["--port", "http"], "--port must be a whole number"],
    [["--colour", "red"], "--colour"],
  ])("refuses %j", async (flags, complaint) => {
    const ended = await run(flags).ended;
    expect(ended).toMatchObject({ code: 1, complaint: expect.stringContaining(complaint) });
    expect(ended.complaint).not.toContain("    at ");
  });
});

function run(flags: string[]) {
  const child = spawn(process.execPath, [main, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let complaint = "";
  child.stderr.on("data", (data: Buffer) => (complaint += data.toString()));
  return {
    child,
    line: new Promise<string>((resolve) => child.stdout.once("data", (data: Buffer) => resolve(data.toString()))),
    ended: new Promise<{ code: number | null; complaint: string }>((resolve) =>
      child.once("close", (code) => resolve({ code, complaint })),
    ),
  };
}
