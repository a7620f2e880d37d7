import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startSimulator } from "../src/index.ts";
import { textOf } from "./support/client.ts";
import { client, linked, newWorld, pause, sender, sendText, until, user, userJid } from "./support/world.ts";

const [serverAck, read] = [2, 4];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "simulator-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe("offline", () => {
  it("keeps messages for a companion that is away and delivers them, in order, at its next login", async () => {
    const simulator = await newWorld();
    const first = await linked(simulator);
    await first.end();
    await until(() => simulator.phone(sender).devices[0]?.connected === false);
    const texts = ["one", "two", "three"];
    for (const text of texts) await simulator.send(user, { to: sender, text });
    expect(simulator.phone(sender).devices).toMatchObject([{ queued: 3 }]);
    const again = client(simulator, first.auth);
    await again.message((message) => textOf(message) === "three");
    expect(again.messages.map(({ type, message }) => [type, textOf(message)])).toEqual(
      texts.map((text) => ["append", text]),
    );
    await until(() => simulator.phone(sender).devices[0]?.queued === 0);
    expect(again.complaints).toEqual([]);
  });

  it("keeps receipts for a companion that is away", async () => {
    const simulator = await newWorld();
    const first = await linked(simulator);
    simulator.updatePhone(user, { online: false });
    const id = await sendText(first, userJid, "who reads this?");
    await first.ack(id);
    await first.end();
    await until(() => simulator.phone(sender).devices[0]?.connected === false);
    simulator.updatePhone(user, { online: true });
    await simulator.waitForMessage(user, (message) => message.status === "read" || message.id === id);
    const again = client(simulator, first.auth);
    expect(await again.status(id, read)).toBe(read);
  });

  it("keeps messages for a phone that is offline: acked, shown and reported only when it comes back", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.updatePhone(user, { online: false });
    const id = await sendText(session, userJid, "later");
    expect((await session.ack(id))["error"]).toBeUndefined();
    await pause(30);
    expect(simulator.messages(user)).toEqual([]);
    simulator.updatePhone(user, { online: true });
    expect(await session.status(id, read)).toBe(read);
    expect(simulator.messages(user)).toMatchObject([{ id, text: "later" }]);
    await expect(simulator.send(user, { to: sender, text: "x" })).resolves.toMatchObject({ text: "x" });
  });

  it("reads what it has when it comes back", async () => {
    const simulator = await newWorld({ readDelayMs: 30 });
    const session = await linked(simulator);
    const id = await sendText(session, userJid, "unread");
    await session.status(id, 3);
    simulator.updatePhone(user, { online: false });
    await pause(60);
    expect(simulator.messages(user)).toMatchObject([{ status: "delivered" }]);
    simulator.updatePhone(user, { online: true });
    expect(await session.status(id, read)).toBe(read);
  });

  it("does not write on a phone that is offline", async () => {
    const simulator = await newWorld();
    simulator.updatePhone(user, { online: false });
    await expect(simulator.send(user, { to: sender, text: "x" })).rejects.toMatchObject({ code: "phone_offline" });
  });

  it("keeps sessions linked, Signal sessions working and queues full over a restart", async () => {
    const stateFile = join(await newFolder(), "nested", "whatsapp.json");
    const before = await newWorld({ stateFile });
    const first = await linked(before);
    await sendText(first, userJid, "before");
    await before.waitForMessage(user, ({ text }) => text === "before");
    await before.send(user, { to: sender, text: "answer" });
    await first.message((message) => textOf(message) === "answer");
    await first.end();
    await until(() => before.phone(sender).devices[0]?.connected === false);
    await before.send(user, { to: sender, text: "while away" });
    const { rootKey } = before;
    await before.close();

    const after = await newWorld({ stateFile });
    expect(after.rootKey).toBe(rootKey);
    expect(after.messages(user).map(({ text }) => text)).toEqual(["before", "answer", "while away"]);
    const again = client(after, first.auth);
    await again.opened;
    await again.message((message) => textOf(message) === "while away");
    await after.send(user, { to: sender, text: "in the stored session" });
    await again.message((message) => textOf(message) === "in the stored session");
    const id = await sendText(again, userJid, "after");
    await after.waitForMessage(user, ({ text }) => text === "after");
    expect(await again.status(id, serverAck)).toBeGreaterThanOrEqual(serverAck);
    expect(after.stats()).toMatchObject({ retriesAsked: 0, retriesServed: 0, pairings: 0 });
    expect(again.complaints).toEqual([]);
  });

  it("delivers to a phone after a restart what it missed before", async () => {
    const stateFile = join(await newFolder(), "whatsapp.json");
    const before = await newWorld({ stateFile });
    const session = await linked(before);
    before.updatePhone(user, { online: false });
    await session.ack(await sendText(session, userJid, "kept"));
    await before.close();
    const after = await newWorld({ stateFile });
    after.updatePhone(user, { online: true });
    expect(await after.waitForMessage(user, ({ text }) => text === "kept")).toMatchObject({ from: sender });
  });

  it("has a new link in its file when the scan is over, so that a kill does not break it", async () => {
    const stateFile = join(await newFolder(), "whatsapp.json");
    const simulator = await newWorld({ stateFile, saveDelayMs: 60_000 });
    const pairing = client(simulator);
    await simulator.scan(sender, await pairing.qr);
    const state = JSON.parse(await readFile(stateFile, "utf8"));
    expect(state.phones[0].devices).toMatchObject([{ id: 1 }]);
  });

  it("writes its state by itself, for its owner only, and leaves no drafts", async () => {
    const folder = await newFolder();
    const stateFile = join(folder, "whatsapp.json");
    const simulator = await newWorld({ stateFile, saveDelayMs: 10 });
    await until(() => simulator.phones().length === 2);
    await pause(100);
    expect(await readdir(folder)).toEqual(["whatsapp-media", "whatsapp.json"]);
    expect((await stat(stateFile)).mode & 0o777).toBe(0o600);
  });

  it("replaces a draft that a killed process of the same id left, and restricts its permissions", async () => {
    const folder = await newFolder();
    const stateFile = join(folder, "whatsapp.json");
    await writeFile(`${stateFile}.${process.pid}.tmp`, "half", { mode: 0o644 });
    const simulator = await newWorld({ stateFile, saveDelayMs: 60_000 });
    await simulator.flush();
    expect(await readdir(folder)).toEqual(["whatsapp-media", "whatsapp.json"]);
    expect((await stat(stateFile)).mode & 0o777).toBe(0o600);
  });

  it("says so when its state file is damaged", async () => {
    const stateFile = join(await newFolder(), "whatsapp.json");
    await writeFile(stateFile, "{");
    await expect(startSimulator({ stateFile })).rejects.toThrow(/is damaged: remove it to start with new phones/);
  });
});
