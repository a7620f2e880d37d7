import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import { afterEach, expect, test } from "vitest";
import { nodeAtRest } from "@sandi/crypto/node";
import { credentialStore } from "../src/store/credentials.ts";
import { createIdentities } from "../src/store/identities.ts";
import { numberStore } from "../src/store/numbers.ts";
import { findKeysOfMembers } from "../src/store/member-keys.ts";
import { openNumber } from "../src/store/own-number.ts";
import { openPseudonyms } from "../src/store/pseudonyms.ts";
import { resealStore } from "../src/store/reseal.ts";
import { text as textOf } from "../src/store/row.ts";
import { sealedColumns } from "../src/store/sealed-columns.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { storeDesiredState } from "../src/store/sessions.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { startMember } from "./support/members.ts";
import { newId, type Rig, startRig, workspaceId } from "./support/rig.ts";

const command = fileURLToPath(new URL("../src/commands/reseal.ts", import.meta.url));
const user = "+6281300000001";
const oldKey = generateKeyText("k1", webRandom);
const newKey = generateKeyText("k2", webRandom);
const change = (value: string) => [{ kind: "session", id: "1.0", value }];
const stand = (id: string) => `p${id}`;
const sealer = (keys: string, owner: string) => nodeAtRest(createKeyRing(keys), owner, webRandom);
let rig: Rig | undefined;
let store: Store | undefined;
afterEach(async () => {
  await store?.close();
  await rig?.close();
  [rig, store] = [undefined, undefined];
});

const openRigStore = async ({ environment }: Rig) =>
  (store = await openStore({ url: environment["LIBSQL_URL"]!, authToken: undefined }, new Date()));

async function kidsIn({ client }: Store): Promise<Record<string, string[]>> {
  const kids: Record<string, string[]> = {};
  for (const { table, column, sealed = column } of sealedColumns) {
    const { rows } = await client.execute(`SELECT DISTINCT ${sealed} AS sealed FROM ${table} WHERE ${sealed} <> ''`);
    const found = rows.map((row) => textOf(row, "sealed").split(".").slice(0, 2).join("."));
    kids[`${table}.${column}`] = [...new Set(found)].sort();
  }
  return kids;
}

test("every column of the schema with a sealed name is resealed", async () => {
  rig = await startRig();
  const { client } = await openRigStore(rig);
  const { rows } = await client.execute(
    `SELECT m.name || '.' || c.name AS place FROM sqlite_master m JOIN pragma_table_info(m.name) c
     WHERE m.type = 'table' AND c.name LIKE 'sealed%' AND c.type = 'TEXT'`,
  );
  const known = new Set(sealedColumns.map(({ table, column }) => `${table}.${column}`));
  expect(rows.map(({ place }) => place).filter((place) => !known.has(place as string))).toEqual([]);
});

test("after a rotation, the command and a restart the old key can be removed, and the session still works", async () => {
  rig = await startRig({ environment: { STORE_KEYS: oldKey }, services: { chance: () => 0 } });
  rig.simulator.createPhone({ number: user, receipts: "read" });
  const sessionId = await rig.pair("+6281200000001");
  await rig.send(sessionId, { to: user, text: "before" });
  await rig.stop();
  rig.environment["STORE_KEYS"] = `${newKey},${oldKey}`;
  // An event that waits while the keys change.
  rig.edge.refuse = () => 503;
  await rig.start();
  const online = () => rig!.simulator.phone("+6281200000001").devices[0]!.connected;
  await until("it is back", online);
  await rig.simulator.send(user, { to: "+6281200000001", text: "hello" });
  const opened = await openRigStore(rig);
  await until("the event waits", async () => (await kidsIn(opened))["outbox.body"]!.length > 0);
  expect(new Set(Object.values(await kidsIn(opened)).flat())).toEqual(new Set(["v1.k1", "v1.k2"]));

  // The connector runs meanwhile.
  const env = { PATH: process.env["PATH"], ...rig.environment };
  const { stdout } = await promisify(execFile)(process.execPath, [command], { env });
  expect(stdout).toMatch(/credential\.sealed +8\d\d resealed\n/);
  expect(stdout).toContain("Everything is sealed under k2");
  const kids = await kidsIn(opened);
  expect(new Set(Object.values(kids).flat())).toEqual(new Set(["v1.k2"]));
  expect(kids).toMatchObject({ "session.phone": ["v1.k2"], "ledger.sealed": ["v1.k2"], "setting.value": ["v1.k2"] });

  await rig.stop();
  rig.environment["STORE_KEYS"] = newKey;
  rig.edge.refuse = null;
  await rig.start();
  await until("it is back", online);
  const messageId = await rig.send(sessionId, { to: user, text: "after" });
  await until("it is read", () => rig!.edge.typesOf(messageId).includes("message.read"));
  expect(rig.simulator.messages(user).map(({ text }) => text)).toEqual(["before", "hello", "after"]);
  expect(rig.simulator.stats()).toMatchObject({ pairings: 1 });
  expect(rig.edge.events.filter(({ type }) => type === "message.received")).toHaveLength(1);
});

test("the command seals nothing while a connector that runs does not seal under the new key", async () => {
  rig = await startRig({ environment: { STORE_KEYS: oldKey } });
  await rig.pair("+6281200000001");
  const opened = await openRigStore(rig);
  const env = { PATH: process.env["PATH"], ...rig.environment, STORE_KEYS: `${newKey},${oldKey}` };
  const sentence = "could open nothing any more: test.";
  const refused = promisify(execFile)(process.execPath, [command], { env });
  await expect(refused).rejects.toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(sentence) });
  expect(new Set(Object.values(await kidsIn(opened)).flat())).toEqual(new Set(["v1.k1"]));
});

test("a key that another connector does not have yet opens and does not seal; without theirs none starts", async () => {
  rig = await startRig({ environment: { STORE_KEYS: oldKey } });
  const opened = await openRigStore(rig);
  const kidsOf = async () => (await findKeysOfMembers(opened, new Date())).map(({ kids }) => kids.join());
  const second = await startMember(rig, "second", { STORE_KEYS: `${newKey},${oldKey}`, LEASE_SECONDS: "1" });
  expect((await kidsOf()).sort()).toEqual(["k1", "k1,k2"]);
  await rig.stop();
  await until("the new key seals", async () => (await kidsOf()).join() === "k2,k1");
  await expect(rig.start()).rejects.toThrow("STORE_KEYS lacks the key k2");
  rig.environment["STORE_KEYS"] = `${newKey},${oldKey}`;
  await rig.start();
  expect(await kidsOf()).toEqual(["k2,k1", "k2,k1"]);
  await second.stop("SIGTERM");
});

test("the command reports what it could not open, and fails", async () => {
  rig = await startRig({ environment: { STORE_KEYS: oldKey } });
  await rig.pair("+6281200000001");
  await rig.stop();
  const env = { PATH: process.env["PATH"], ...rig.environment, STORE_KEYS: newKey };
  const failed = (await promisify(execFile)(process.execPath, [command], { env }).catch((error: unknown) => error)) as {
    code: number;
    stdout: string;
    stderr: string;
  };
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/credential\.sealed +0 resealed {2}(\d+) remain, \1 do not open/);
  expect(failed.stderr).toMatch(/^\d+ values are not sealed under k2: keep the other keys, and run it again\.\n$/);
});

test("the command seals nothing when it is given a word that it does not know", async () => {
  rig = await startRig({ environment: { STORE_KEYS: oldKey } });
  await rig.pair("+6281200000001");
  await rig.stop();
  const env = { PATH: process.env["PATH"], ...rig.environment, STORE_KEYS: `${newKey},${oldKey}` };
  const failed = promisify(execFile)(process.execPath, [command, "--help"], { env });
  await expect(failed).rejects.toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("'--help'") });
});

test("a session's own number that lies readable, as it did before, is sealed", async () => {
  rig = await startRig();
  const opened = await openRigStore(rig);
  await rig.stop();
  const sessionId = newId("ses");
  await storeDesiredState(opened, { sessionId, workspaceId, desired: "running", revision: 1 }, new Date());
  await opened.client.execute("UPDATE session SET phone = '+6281200000001'");
  const keys = createKeyRing(newKey);
  await resealStore(opened, keys, { random: webRandom });
  const { rows } = await opened.client.execute("SELECT phone FROM session");
  const phone = textOf(rows[0], "phone");
  expect(phone).toMatch(/^v1\.k2\./);
  expect(openNumber(nodeAtRest(keys, sessionId, webRandom), sessionId, phone)).toBe("+6281200000001");
});

test("a value that is written during the reseal is kept", async () => {
  rig = await startRig();
  const opened = await openRigStore(rig);
  await rig.stop();
  const sessionId = newId("ses");
  await storeDesiredState(opened, { sessionId, workspaceId, desired: "running", revision: 1 }, new Date());
  const [row] = await acquireLeases(opened, {
    owner: "a",
    run: "a.1",
    now: new Date(),
    leaseMs: 60_000,
    includeOwn: false,
    limit: 1,
  });
  const fence = { sessionId, fence: row!.fence };
  await opened.client.execute("DELETE FROM setting");
  const pseudonym = await openPseudonyms(opened, sealer(oldKey, "connector"), webRandom);
  const open = credentialStore(opened, pseudonym);
  const old = open(fence, sealer(oldKey, sessionId));
  const owner = open(fence, sealer(`${newKey},${oldKey}`, sessionId));
  const sealed = async () =>
    (await opened.client.execute("SELECT sealed FROM credential")).rows.map((one) => textOf(one, "sealed").slice(0, 5));

  await old.write(change("old"));
  // Read under the old key, written by its owner before it could be resealed.
  const reading = owner.read("session", ["1.0"]);
  const writing = owner.write(change("new"));
  await Promise.all([reading, writing]);
  await opened.writer.settled();
  expect(await sealed()).toEqual(["v1.k2"]);
  expect((await owner.read("session", ["1.0"])).get("1.0")).toBe("new");

  // A read reseals it, but not a read of an owner that has lost the session.
  await old.write(change("old"));
  await open({ ...fence, fence: fence.fence - 1 }, sealer(`${newKey},${oldKey}`, sessionId)).read("session", ["1.0"]);
  await opened.writer.settled();
  expect(await sealed()).toEqual(["v1.k1"]);
  expect((await owner.read("session", ["1.0"])).get("1.0")).toBe("old");
  await opened.writer.settled();
  expect(await sealed()).toEqual(["v1.k2"]);

  // The command, with a write between its read and its own.
  await old.write(change("old"));
  const { client } = opened;
  let between: Promise<void> | undefined;
  const slow: Store = {
    ...opened,
    client: {
      ...client,
      async execute(query) {
        const result = await client.execute(query);
        if (JSON.stringify(query).includes("FROM credential")) await (between ??= owner.write(change("newer")));
        return result;
      },
    },
  };
  const [credentials] = await resealStore(slow, createKeyRing(`${newKey},${oldKey}`), { random: webRandom, batch: 1 });
  expect(credentials).toEqual({ column: "credential.sealed", resealed: 0, remaining: 0, unopened: 0 });
  expect((await owner.read("session", ["1.0"])).get("1.0")).toBe("newer");
});

test("a credential that was sealed with its readable id is read and resealed", async () => {
  rig = await startRig();
  const opened = await openRigStore(rig);
  await rig.stop();
  const sessionId = newId("ses");
  await storeDesiredState(opened, { sessionId, workspaceId, desired: "running", revision: 1 }, new Date());
  const { rows } = await opened.client.execute({ sql: "SELECT fence FROM session WHERE id = ?", args: [sessionId] });
  const atRest = nodeAtRest(createKeyRing(oldKey), sessionId, webRandom);
  const sealed = atRest.sealNow(Buffer.from("kept"), { table: "credential", column: "session", id: "628.0" });
  await opened.writer.write([
    {
      sql: "INSERT INTO credential (session_id, kind, key_id, sealed) VALUES (?, 'session', ?, ?)",
      args: [sessionId, stand("628.0"), sealed],
    },
  ]);
  const fence = { sessionId, fence: Number(rows[0]!["fence"]) };
  const credentials = credentialStore(opened, stand)(fence, atRest);
  expect((await credentials.read("session", ["628.0"])).get("628.0")).toBe("kept");
  await opened.writer.settled();
  expect((await opened.client.execute("SELECT sealed FROM credential")).rows[0]!["sealed"]).not.toBe(sealed);
  expect((await credentials.read("session", ["628.0"])).get("628.0")).toBe("kept");
});

test("what is read of numbers and people is sealed under the current key from then on", async () => {
  const now = new Date();
  store = await openStore({ url: "file::memory:", authToken: undefined }, now);
  const jid = "6281200000001@s.whatsapp.net";
  const [lid, workspace] = ["1@lid", "ws_a"];
  const numbersUnder = (atRest: ReturnType<typeof sealer>) => numberStore(store!, stand, atRest);
  const peopleUnder = (atRest: ReturnType<typeof sealer>) =>
    createIdentities({ store: store!, pseudonym: stand, atRest, services: { now: () => now } })(workspace);
  const old = sealer(oldKey, "connector");
  const known = { digits: "6281200000001", jid, until: new Date(now.getTime() + 60_000) };
  await numbersUnder(old).store(workspace, [known], now);
  await peopleUnder(old).learned([{ lid, pn: jid }]);
  const places = ["number.sealed_jid", "identity.sealed_pn"] as const;
  const kids = async () => {
    const found = await kidsIn(store!);
    return places.map((place) => found[place]);
  };
  expect(await kids()).toEqual([["v1.k1"], ["v1.k1"]]);

  const both = sealer(`${newKey},${oldKey}`, "connector");
  expect((await numbersUnder(both).find(workspace, ["6281200000001"])).get("6281200000001")?.jid).toBe(jid);
  expect(await peopleUnder(both).pnOf(lid)).toBe(jid);
  await store.writer.settled();
  expect(await kids()).toEqual([["v1.k2"], ["v1.k2"]]);
  const later = sealer(newKey, "connector");
  expect((await numbersUnder(later).find(workspace, ["6281200000001"])).get("6281200000001")?.jid).toBe(jid);
  expect(await peopleUnder(later).pnOf(lid)).toBe(jid);
});
