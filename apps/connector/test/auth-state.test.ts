import { expect, test } from "vitest";
import { openAuthState } from "../src/baileys/auth-state.ts";
import { memoryCredentials } from "./support/memory-credentials.ts";

async function linked(write: (stored: () => void) => Promise<void>) {
  const { credentials, values } = memoryCredentials();
  const auth = await openAuthState({
    ...credentials,
    write: (changes) => write(() => void credentials.write(changes)),
  });
  Object.assign(auth.creds, { account: {}, me: { id: "6281200000001:1@s.whatsapp.net" } });
  return { auth, values };
}

test("credentials that are being stored are not called safe before they are", async () => {
  const disk = Promise.withResolvers<void>();
  const { auth, values } = await linked((stored) => disk.promise.then(stored));
  const first = auth.saveCreds();
  const second = auth.saveCreds().then(() => values.has("creds creds"));
  await new Promise((resolve) => setImmediate(resolve));
  disk.resolve();
  await first;
  expect(await second).toBe(true);
});

test("and not when that fails; then they are stored with the next change", async () => {
  let isAway = true;
  const { auth, values } = await linked(async (stored) => {
    if (isAway) throw new Error("the database is away");
    stored();
  });
  const both = await Promise.allSettled([auth.saveCreds(), auth.saveCreds()]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  isAway = false;
  await auth.saveCreds();
  expect(values.has("creds creds")).toBe(true);
});

const preKey = (id: number) => ({ "pre-key": { [id]: { public: Buffer.from([id]), private: Buffer.from([0]) } } });

test("pre-keys stay in memory until they are stored, for each is used once; other keys stay on", async () => {
  const memory = memoryCredentials();
  const disk = Promise.withResolvers<void>();
  const auth = await openAuthState({
    ...memory.credentials,
    write: (changes) => disk.promise.then(() => memory.credentials.write(changes)),
  });
  const stored = auth.keys.set({ ...preKey(1), "lid-mapping": { "62811": "1" } });
  memory.reads.length = 0;
  expect(await auth.keys.get("pre-key", ["1"])).toMatchObject({ 1: { public: Buffer.from([1]) } });
  expect(memory.reads).toEqual([]);
  disk.resolve();
  await stored;
  for (let twice = 0; twice < 2; twice++) {
    expect(await auth.keys.get("pre-key", ["1"])).toMatchObject({ 1: { public: Buffer.from([1]) } });
    expect(await auth.keys.get("lid-mapping", ["62811"])).toEqual({ 62811: "1" });
  }
  expect(memory.reads).toEqual(["pre-key 1", "pre-key 1"]);
});

test("a read returns the value that is being stored, also when an earlier write of it fails meanwhile", async () => {
  const memory = memoryCredentials();
  const turns: (() => Promise<void>)[] = [];
  const auth = await openAuthState({
    ...memory.credentials,
    write: (changes) =>
      new Promise((resolve, reject) => {
        const isFirst = turns.length === 0;
        turns.push(async () => (isFirst ? reject(new Error("away")) : resolve(memory.credentials.write(changes))));
      }),
  });
  const first = Promise.resolve(auth.keys.set(preKey(1))).catch(() => "failed");
  const second = auth.keys.set({ "pre-key": { 1: null } });
  await turns[0]!();
  expect(await first).toBe("failed");
  expect(await auth.keys.get("pre-key", ["1"])).toEqual({});
  await turns[1]!();
  await second;
  expect(await auth.keys.get("pre-key", ["1"])).toEqual({});
});

test("what was read while something was written is not remembered", async () => {
  const memory = memoryCredentials();
  memory.values.set("lid-mapping 62811", '"old"');
  const gate = Promise.withResolvers<void>();
  let isSlow = true;
  const auth = await openAuthState({
    ...memory.credentials,
    async read(kind, ids) {
      const found = await memory.credentials.read(kind, ids);
      if (kind === "lid-mapping" && isSlow) await gate.promise;
      return found;
    },
  });
  const reading = auth.keys.get("lid-mapping", ["62811", "62812"]);
  await auth.keys.set({ "lid-mapping": { "62813": "new" } });
  isSlow = false;
  gate.resolve();
  expect(await reading).toEqual({ 62811: "old" });
  memory.values.set("lid-mapping 62811", '"newer"');
  expect(await auth.keys.get("lid-mapping", ["62811"])).toEqual({ 62811: "newer" });
});

test("two sessions of one process know nothing of each other's keys", async () => {
  const [one, other] = [
    await openAuthState(memoryCredentials().credentials),
    await openAuthState(memoryCredentials().credentials),
  ];
  await one.keys.set({ "lid-mapping": { "62811": "1" } });
  expect(await other.keys.get("lid-mapping", ["62811"])).toEqual({});
});

const session = (step: number) => ({ session: { "1.0": { step } as unknown as Uint8Array } });

test("a session that has moved on while it was read is not put back", async () => {
  const memory = memoryCredentials();
  memory.values.set("session 1.0", JSON.stringify({ step: 1 }));
  const disk = Promise.withResolvers<void>();
  const auth = await openAuthState({
    ...memory.credentials,
    async read(kind, ids) {
      const found = await memory.credentials.read(kind, ids);
      if (kind === "session") await disk.promise;
      return found;
    },
  });
  const reading = auth.keys.get("session", ["1.0"]);
  await auth.keys.set(session(2));
  disk.resolve();
  expect(await reading).toEqual({ "1.0": { step: 2 } });
  expect(await auth.keys.get("session", ["1.0"])).toEqual({ "1.0": { step: 2 } });
});

test("a session that could not be stored is as it was before", async () => {
  const memory = memoryCredentials();
  let isAway = false;
  const auth = await openAuthState({
    ...memory.credentials,
    async write(changes) {
      if (isAway) throw new Error("the database is away");
      await memory.credentials.write(changes);
    },
  });
  await auth.keys.set(session(1));
  isAway = true;
  await expect(auth.keys.set(session(2))).rejects.toThrow("away");
  expect(await auth.keys.get("session", ["1.0"])).toEqual({ "1.0": { step: 1 } });
});
