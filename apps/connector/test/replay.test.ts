import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type AtRest, createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import { addTransactionCapability, Curve, DEFAULT_CONNECTION_CONFIG } from "@whiskeysockets/baileys";
import { afterEach, expect, test } from "vitest";
import { type AuthState, openAuthState } from "../src/baileys/auth-state.ts";
import { quietLogger } from "../src/baileys/logger.ts";
import { silenceConsole } from "../src/baileys/patches/silence-console.ts";
import { writeThrough } from "../src/baileys/write-through.ts";
import { createLogger } from "../src/log.ts";
import { nodeAtRest } from "@sandi/crypto/node";
import { credentialStore } from "../src/store/credentials.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { storeDesiredState } from "../src/store/sessions.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { memoryCredentials } from "./support/memory-credentials.ts";
import { newId, type Rig, startRig, workspaceId } from "./support/rig.ts";

const pseudonym = (text: string) => `p${text}`;
const logger = quietLogger(createLogger("silent", "test"));
let store: Store | undefined;
let rig: Rig | undefined;
afterEach(async () => {
  await store?.close();
  await rig?.close();
  [store, rig] = [undefined, undefined];
});

async function takenSession() {
  store = await openStore({ url: "file::memory:", authToken: undefined }, new Date());
  const sessionId = newId("ses");
  await storeDesiredState(store, { sessionId, workspaceId, desired: "running", revision: 1 }, new Date());
  return { store, sessionId, fence: await acquire(store, "a.1") };
}

async function acquire(from: Store, run: string): Promise<number> {
  const now = new Date(Date.now() + (run === "a.1" ? 0 : 60_000));
  const [row] = await acquireLeases(from, { owner: run, run, now, leaseMs: 1000, includeOwn: false, limit: 1 });
  return row!.fence;
}

const record = (value: string) => [{ kind: "session", id: "1.0", value }];

test("an earlier owner, whose memory holds an older record, cannot write it back", async () => {
  const { store: opened, sessionId, fence } = await takenSession();
  const atRest = nodeAtRest(createKeyRing(generateKeyText("k1", webRandom)), sessionId, webRandom);
  const open = credentialStore(opened, pseudonym);
  const before = await openAuthState(open({ sessionId, fence }, atRest));
  await before.keys.set({ session: { "1.0": Buffer.from("old") } });
  const { "1.0": old } = await before.keys.get("session", ["1.0"]);

  const next = open({ sessionId, fence: await acquire(opened, "b.1") }, atRest);
  await next.write(record('"newer"'));
  await expect(before.keys.set({ session: { "1.0": Buffer.from(old!) } })).rejects.toThrow("another process owns");
  expect((await next.read("session", ["1.0"])).get("1.0")).toBe('"newer"');
});

test("writes of one session are stored in the order of the calls, however long sealing one takes", async () => {
  const { store: opened, sessionId, fence } = await takenSession();
  const atRest = nodeAtRest(createKeyRing(generateKeyText("k1", webRandom)), sessionId, webRandom);
  let pauseMs = 30;
  const uneven: AtRest = {
    ...atRest,
    async seal(plaintext, context) {
      await new Promise((resolve) => setTimeout(resolve, (pauseMs -= 10)));
      return atRest.seal(plaintext, context);
    },
  };
  const credentials = credentialStore(opened, pseudonym)({ sessionId, fence }, uneven);
  await Promise.all(["1", "2", "3"].map((value) => credentials.write(record(value))));
  expect((await credentials.read("session", ["1.0"])).get("1.0")).toBe("3");
});

/** One side of a conversation, on real Baileys. */
async function side() {
  silenceConsole();
  const memory = memoryCredentials();
  const auth = await openAuthState(memory.credentials);
  const keys = addTransactionCapability(auth.keys, logger, { maxCommitRetries: 1, delayBetweenTriesMs: 1 });
  const make = (how: typeof writeThrough) => how(auth)({ creds: auth.creds, keys }, logger);
  return { auth, keys, make };
}

const withType = (key: Uint8Array) => Buffer.concat([Buffer.from([5]), key]);

function bundleOf({ creds }: AuthState) {
  const { signedPreKey, signedIdentityKey, registrationId } = creds;
  const preKey = Curve.generateKeyPair();
  const session = {
    registrationId,
    identityKey: withType(signedIdentityKey.public),
    signedPreKey: {
      keyId: signedPreKey.keyId,
      publicKey: withType(signedPreKey.keyPair.public),
      signature: signedPreKey.signature,
    },
    preKey: { keyId: 1, publicKey: withType(preKey.public) },
  };
  return { preKey, session };
}

const asBaileysDoes: typeof writeThrough = () => DEFAULT_CONNECTION_CONFIG.makeSignalRepository;

test.each([
  ["what came in while a message was on its way out is not forgotten when Baileys commits", writeThrough, true],
  ["on Baileys' own store it would be: the case is real", asBaileysDoes, false],
])("%s", async (_name, how, isKept) => {
  const [ours, theirs] = [await side(), await side()];
  const [us, them] = [ours.make(how), theirs.make(writeThrough)];
  const [usJid, themJid] = ["111@s.whatsapp.net", "222@s.whatsapp.net"];
  const { preKey, session } = bundleOf(theirs.auth);
  await theirs.keys.set({ "pre-key": { 1: preKey } });
  await us.injectE2ESession({ jid: themJid, session });
  const say = async (from: typeof us, to: typeof us, jids: [string, string], text: string) => {
    const { type, ciphertext } = await from.encryptMessage({ jid: jids[1], data: Buffer.from(text) });
    return (await to.decryptMessage({ jid: jids[0], type, ciphertext })).toString();
  };
  const [out, back]: [string, string][] = [
    [usJid, themJid],
    [themJid, usJid],
  ] as const as [[string, string], [string, string]];
  expect(await say(us, them, out, "one")).toBe("one");
  expect(await say(them, us, back, "two")).toBe("two");
  expect(await say(us, them, out, "three")).toBe("three");

  const incoming = await them.encryptMessage({ jid: usJid, data: Buffer.from("four") });
  const arrived = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const sending = ours.keys.transaction(async () => {
    // As `relayMessage` does: it looks whether there is a session before it encrypts.
    await us.validateSession(themJid);
    left.resolve();
    await arrived.promise;
    return us.encryptMessage({ jid: themJid, data: Buffer.from("five") });
  }, "our account");
  await left.promise;
  await us.decryptMessage({ jid: themJid, ...incoming });
  arrived.resolve();
  const five = await sending;
  expect((await them.decryptMessage({ jid: usJid, ...five })).toString()).toBe("five");
  // A message cannot be decrypted twice. The earlier record would decrypt it again.
  const again = us.decryptMessage({ jid: themJid, ...incoming }).then(
    () => false,
    () => true,
  );
  expect(await again).toBe(isKept);
});

test("a restored database file: events and fences continue, and both sides decrypt again", async () => {
  rig = await startRig({ services: { chance: () => 0 } });
  const user = "+6281300000001";
  rig.simulator.createPhone({ number: user, receipts: "read" });
  const sessionId = await rig.pair("+6281200000001");
  const [file, copy] = [join(rig.folder, "connector.db"), join(rig.folder, "old.db")];
  const exchange = async (text: string) => {
    const messageId = await rig!.send(sessionId, { to: user, text });
    await until(`it is read: ${text}`, () => rig!.edge.typesOf(messageId).includes("message.read"));
    await rig!.simulator.send(user, { to: "+6281200000001", text: `answer to ${text}` });
  };
  const received = () => rig!.edge.events.filter(({ type }) => type === "message.received").length;
  await exchange("one");
  await until("the answer is reported", () => received() === 1);
  await rig.stop();
  await copyFile(file, copy);
  await rig.start();
  await until("it is back", () => rig!.edge.statesOf(sessionId).filter((state) => state === "online").length === 2);
  for (const text of ["two", "three"]) await exchange(text);
  await until("the answers are reported", () => received() === 3);
  await rig.stop();

  const highest = Math.max(...rig.edge.events.map(({ seq }) => seq));
  const fence = Math.max(...rig.edge.claims.flatMap(({ claims }) => claims.map((claim) => claim.fence)));
  const seen = rig.edge.events.length;
  for (const suffix of ["-wal", "-shm"]) await rm(file + suffix, { force: true });
  await copyFile(copy, file);
  await rig.start();
  await until("it is back", () => rig!.edge.statesOf(sessionId).filter((state) => state === "online").length === 3);
  for (const text of ["four", "five"]) await exchange(text);
  await until("the answers are reported", () => received() === 5);
  expect(
    rig.simulator
      .messages(user)
      .filter(({ from }) => from !== user)
      .map(({ text }) => text),
  ).toEqual(expect.arrayContaining(["one", "two", "three", "four", "five"]));
  expect(Math.min(...rig.edge.events.slice(seen).map(({ seq }) => seq))).toBeGreaterThan(highest);
  expect(rig.edge.claims.at(-1)!.claims[0]!.fence).toBeGreaterThan(fence);
});
