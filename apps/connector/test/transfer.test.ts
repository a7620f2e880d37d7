import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateKeyText, webRandom } from "@sandi/crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileRefused, type MovedSession, openSessionFile, sealSessionFile } from "../src/transfer/session-file.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, startRig } from "./support/rig.ts";

const [own, user] = ["+6281200000001", "+6281300000001"] as const;
const passphrase = "correct horse battery";
let rig: Rig;
let file: string;
let sessionId: string;
beforeEach(async () => {
  rig = await startRig({ services: { chance: () => 0 }, environment: { LEASE_SECONDS: "1" } });
  rig.simulator.createPhone({ number: user, receipts: "read" });
  sessionId = await rig.pair(own);
  await rig.send(sessionId, { to: user, text: "before" });
  await rig.simulator.send(user, { to: own, text: "an answer" });
  await until("it is reported", () => received() === 1);
  file = join(rig.folder, "moved.session");
});
afterEach(() => rig.close());

const received = () => rig.edge.events.filter(({ type }) => type === "message.received").length;
const isConnected = () => rig.simulator.phone(own).devices.some(({ connected }) => connected);

/** Runs a command in the rig's environment. */
function run(name: "export-session" | "import-session", args: string[], secret: string | null = passphrase) {
  const script = fileURLToPath(new URL(`../src/commands/${name}.ts`, import.meta.url));
  const env = {
    PATH: process.env["PATH"],
    ...rig.environment,
    ...(secret === null ? {} : { SANDI_PASSPHRASE: secret }),
  };
  return new Promise<{ code: number; said: string }>((resolve) => {
    const child = execFile(process.execPath, [script, ...args], { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? 1, said: stdout + stderr }),
    );
    child.stdin?.end();
  });
}

const sentence = async (...args: Parameters<typeof run>) => (await run(...args)).said;

async function stopSession(id = sessionId): Promise<void> {
  await rig.setDesiredState({ sessionId: id, desired: "stopped" });
  await until("it is stopped", () => rig.edge.statesOf(id).at(-1) === "stopped/requested");
}

/** Another connector with its own database and keys, and an unlinked session. */
async function elsewhere(): Promise<string> {
  await rig.stop();
  await mkdir(join(rig.folder, "elsewhere"));
  rig.environment["LIBSQL_URL"] = `file:${join(rig.folder, "elsewhere", "connector.db")}`;
  rig.environment["STORE_KEYS"] = generateKeyText("k9", webRandom);
  await rig.start();
  const target = newId("ses");
  await rig.setDesiredState({ sessionId: target });
  await until("it shows a QR code", () => rig.edge.statesOf(target).at(-1) === "pairing");
  await stopSession(target);
  return target;
}

test("a session moves to another connector, logs in there, and its chats go on", async () => {
  await stopSession();
  expect(await run("export-session", [sessionId, "--out", file])).toMatchObject({ code: 0 });
  await until("it is reported", () => rig.edge.statesOf(sessionId).at(-1) === "ended/exported");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const bytes = await readFile(file, "latin1");
  for (const secret of ["noiseKey", "privKey", own.slice(1), user.slice(1)]) expect(bytes).not.toContain(secret);
  expect((await readdir(rig.folder)).filter((name) => name.includes("part"))).toEqual([]);

  const target = await elsewhere();
  expect(await run("import-session", [file, "--session", target])).toMatchObject({ code: 0 });
  await until("its number is reported", () =>
    rig.edge.events.some(
      (event) => event.type === "session.state" && event.sessionId === target && event.phone === own,
    ),
  );
  await rig.setDesiredState({ sessionId: target });
  await until("it is online", () => rig.edge.statesOf(target).at(-1) === "online");
  await rig.simulator.send(user, { to: own, text: "still there?" });
  await until("it is read here", () => received() === 2);
  const messageId = await rig.send(target, { to: user, text: "after" });
  await until("it is read there", () => rig.edge.typesOf(messageId).includes("message.read"));
  expect(rig.simulator.stats()).toMatchObject({ pairings: 1, devicesWithTwoOwners: 0, retriesServed: 0 });
  expect(await run("import-session", [file, "--session", target])).toMatchObject({ code: 1 });
});

test("an exported session does not run here again until it is linked again", async () => {
  await stopSession();
  await run("export-session", [sessionId, "--out", file]);
  await until("it is reported", () => rig.edge.statesOf(sessionId).at(-1) === "ended/exported");
  await rig.stop();
  await rig.start();
  await rig.setDesiredState({ sessionId });
  await until("it shows a QR code", () => rig.edge.statesOf(sessionId).at(-1) === "pairing");
  expect(isConnected()).toBe(false);
  // It can be imported into the same session again.
  await stopSession();
  expect(await run("import-session", [file])).toMatchObject({ code: 0 });
  await until("it can be started", async () => {
    await rig.setDesiredState({ sessionId });
    return isConnected();
  });
});

test("a session that is running, unlinked or unknown is not exported, and no import replaces it", async () => {
  expect(await sentence("export-session", [sessionId, "--out", file])).toBe(
    `${sessionId} runs on a connector; stop it first.\n`,
  );
  expect(isConnected()).toBe(true);
  const unknown = newId("ses");
  expect(await sentence("export-session", [unknown, "--out", file])).toBe(
    `There is no session ${unknown} in this database.\n`,
  );
  await stopSession();
  expect(await sentence("export-session", [sessionId, "--out", file], "short")).toContain("12 characters");
  expect(await sentence("export-session", [sessionId, "--out", file], null)).toContain("Set SANDI_PASSPHRASE");
  expect(await sentence("export-session", [sessionId])).toContain("usage: export-session");
  await expect(stat(file)).rejects.toThrow("ENOENT");

  await writeFile(file, sealSessionFile(moved, passphrase, webRandom));
  expect(await sentence("export-session", [sessionId, "--out", file])).toContain("exists already");
  expect(await sentence("import-session", [file, "--session", sessionId])).toContain("is linked to an account already");
  expect(await sentence("import-session", [file, "--session", sessionId], "another passphrase")).toBe(
    "The passphrase is wrong, or the file was changed.\n",
  );
  // None of it has harmed it.
  await until("it can be started", async () => {
    await rig.setDesiredState({ sessionId });
    return isConnected();
  });
});

const moved: MovedSession = {
  sessionId: newId("ses"),
  phone: own,
  exportedAt: "2026-11-21T09:00:00.000Z",
  values: [["creds", "creds", "{}"]],
};

test("a file that is incomplete, changed, of another format or under another passphrase has its own error", () => {
  const whole = sealSessionFile(moved, passphrase, webRandom);
  expect(openSessionFile(whole, passphrase)).toEqual(moved);
  const headerEnd = whole.indexOf("\n") + 1;
  const withHeader = (change: (header: Record<string, unknown>) => object) =>
    Buffer.concat([
      Buffer.from(
        `${JSON.stringify(change(JSON.parse(whole.subarray(0, headerEnd).toString()) as Record<string, unknown>))}\n`,
      ),
      whole.subarray(headerEnd),
    ]);
  const flipped = (at: number) => {
    const copy = Buffer.from(whole);
    copy[at]! ^= 1;
    return copy;
  };
  const cases: [Buffer, string, RegExp][] = [
    [whole, "another passphrase", /passphrase is wrong/],
    [flipped(whole.length - 1), passphrase, /file was changed/],
    [flipped(headerEnd), passphrase, /file was changed/],
    [withHeader((header) => ({ ...header, extra: 1 })), passphrase, /file was changed/],
    [whole.subarray(0, -1), passphrase, /incomplete: it has \d+ of \d+ bytes/],
    [whole.subarray(0, headerEnd), passphrase, /incomplete: it has 0 of/],
    [Buffer.concat([whole, Buffer.from("x")]), passphrase, /incomplete/],
    [withHeader((header) => ({ ...header, version: 2 })), passphrase, /format 2; this Sandi reads 1/],
    [Buffer.from("PK\u0003\u0004"), passphrase, /not a session file/],
    [Buffer.alloc(0), passphrase, /not a session file/],
  ];
  for (const [bytes, secret, why] of cases) {
    expect(() => openSessionFile(bytes, secret)).toThrow(why);
    expect(() => openSessionFile(bytes, secret)).toThrow(FileRefused);
  }
});
