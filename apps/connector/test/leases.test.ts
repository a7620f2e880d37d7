import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import { createId } from "@sandi/contracts";
import { createClient } from "@libsql/client";
import { migrate } from "@sandi/libsql";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodeAtRest } from "@sandi/crypto/node";
import { openFile } from "../src/store/file-client.ts";
import { credentialStore } from "../src/store/credentials.ts";
import { attemptWriter, findByMessageId, rank } from "../src/store/ledger.ts";
import { moveWriter } from "../src/store/ledger-moves.ts";
import { appendStatement, outboxDepth, parkInOutbox, readOutbox, sweepOutbox } from "../src/store/outbox.ts";
import { LeaseLost, writeFenced } from "../src/store/fence.ts";
import { acquireLeases, releaseLeases, renewLeases } from "../src/store/leases.ts";
import { findSession, stateStatement, storeDesiredState } from "../src/store/sessions.ts";
import { numberStore } from "../src/store/numbers.ts";
import { openPseudonyms } from "../src/store/pseudonyms.ts";
import { migrations } from "../src/store/migrations.ts";
import { openStore, type Store, storeOn } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { newId, type Rig, startRig, workspaceId } from "./support/rig.ts";

let folder: string;
let store: Store;
let other: Store;
const at = new Date(1_000_000);
const setDesired = (sessionId: string, revision = 1) =>
  storeDesiredState(store, { sessionId, workspaceId, desired: "running", revision }, at);
const acquire = (from: Store, owner: string, run: string, more: Partial<Parameters<typeof acquireLeases>[1]> = {}) =>
  acquireLeases(from, { owner, run, now: at, leaseMs: 15_000, includeOwn: false, limit: 100, ...more });
const pseudonym = (text: string) => `p${text}`;
const later = (ms: number) => new Date(at.getTime() + ms);

/** The store on libSQL's own client, as it is with a remote database. */
async function openThroughLibsql({ url }: { url: string }): Promise<Store> {
  const client = createClient({ url, concurrency: 1, timeout: 5000 });
  await migrate(client, migrations, at);
  return { ...storeOn(client), close: async () => client.close() };
}

describe.each([
  ["a file", openStore],
  ["libSQL's client", openThroughLibsql],
])("on %s", (_name, openDatabase) => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sandi-leases-"));
    const database = { url: `file:${join(folder, "connector.db")}`, authToken: undefined };
    store = await openDatabase(database, at);
    other = await openDatabase(database, at);
  });
  afterEach(async () => {
    await store.close();
    await other.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("a session has one owner, also when several ask at the same time", async () => {
    const ids = Array.from({ length: 40 }, () => newId("ses"));
    for (const id of ids) await setDesired(id);
    const taken = await Promise.all([
      acquire(store, "a", "a.1"),
      acquire(other, "b", "b.1"),
      acquire(store, "c", "c.1"),
    ]);
    expect(
      taken
        .flat()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...ids].sort());
  });

  test("another connector gets an expired lease with a higher fence, but not a valid lease", async () => {
    const id = newId("ses");
    await setDesired(id);
    const [mine] = await acquire(store, "a", "a.1");
    expect(await acquire(other, "b", "b.1", { now: later(14_999) })).toEqual([]);
    const [theirs] = await acquire(other, "b", "b.1", { now: later(15_001) });
    expect(theirs!.fence).toBe(mine!.fence + 1);
    expect(await renewLeases(store, "a.1", later(40_000))).toEqual([]);
    expect((await renewLeases(other, "b.1", later(40_000))).map((row) => row.id)).toEqual([id]);
  });

  test("linked sessions are acquired before any number of unlinked ones", async () => {
    const linked = newId("ses");
    await setDesired(linked);
    const [row] = await acquire(store, "a", "a.1");
    const reported = { state: "online", reason: null, sealedPhone: "v1.k.iv.number", actedRevision: 1 } as const;
    await store.writer.write([stateStatement({ sessionId: linked, fence: row!.fence }, reported, at)]);
    for (let i = 0; i < 10; i++) await setDesired(newId("ses"));
    const taken = await acquire(other, "b", "b.1", { now: later(15_001), limit: 3 });
    expect(taken.map(({ id }) => id)).toContain(linked);
  });

  test("a machine that starts again takes its own leases back at once", async () => {
    const id = newId("ses");
    await setDesired(id);
    const [before] = await acquire(store, "a", "a.1");
    expect(await acquire(store, "b", "b.1", { includeOwn: true })).toEqual([]);
    const [after] = await acquire(store, "a", "a.2", { includeOwn: true });
    expect(after!.fence).toBe(before!.fence + 1);
    expect(await acquire(store, "a", "a.2", { includeOwn: true })).toEqual([]);
  });

  test("a lease that was given back is free", async () => {
    const id = newId("ses");
    await setDesired(id);
    const [mine] = await acquire(store, "a", "a.1");
    await releaseLeases(store, [{ sessionId: id, fence: mine!.fence }], at);
    expect(await acquire(other, "b", "b.1")).toHaveLength(1);
    await releaseLeases(store, [{ sessionId: id, fence: mine!.fence }], at);
    expect((await findSession(store, id))!.ownerRun).toBe("b.1");
  });

  test("capacity bounds what is taken", async () => {
    for (let i = 0; i < 5; i++) await setDesired(newId("ses"));
    expect(await acquire(store, "a", "a.1", { limit: 2 })).toHaveLength(2);
    expect(await acquire(other, "b", "b.1", { limit: 9 })).toHaveLength(3);
  });

  test("only a newer desired state counts, and only from the same workspace", async () => {
    const id = newId("ses");
    await setDesired(id, 3);
    expect((await setDesired(id, 2)).revision).toBe(3);
    const foreign = await storeDesiredState(
      store,
      { sessionId: id, workspaceId: newId("ws"), desired: "deleted", revision: 9 },
      at,
    );
    expect(foreign.desired).toBe("running");
    expect((await setDesired(id, 4)).revision).toBe(4);
  });

  test("the fences of a new database are higher than those of a lost one", async () => {
    const before = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    const sessionId = newId("ses");
    await setDesired(sessionId);
    const [row] = await acquire(store, "a", "a.1");
    expect(row!.fence).toBeGreaterThan(before);
    const event = { id: "evt_1", type: "message.sent" as const, sessionId, messageId: "msg_1", at: at.toISOString() };
    const fence = { sessionId, fence: row!.fence };
    await store.writer.write([appendStatement(fence, event), appendStatement(fence, event)]);
    const [first, second] = await readOutbox(store, "a.1", { limit: 10 });
    expect(first!.seq).toBeGreaterThan(before);
    expect(second!.seq).toBe(first!.seq + 1);
    expect((await outboxDepth(store)).waiting).toBe(2);
  });

  test("a parked event is tried again after a while, and forgotten when it is old", async () => {
    const sessionId = newId("ses");
    await setDesired(sessionId);
    const [row] = await acquire(store, "a", "a.1");
    const event = { id: "evt_1", type: "message.sent" as const, sessionId, messageId: "msg_1", at: at.toISOString() };
    await store.writer.write([appendStatement({ sessionId, fence: row!.fence }, event)]);
    const { seq } = (await readOutbox(store, "a.1", { limit: 1 }))[0]!;
    await parkInOutbox(store, seq, later(1000));
    expect(await sweepOutbox(store, { parkedUntil: later(999), appendedSince: at, forgetBefore: at })).toBe(0);
    expect(await readOutbox(store, "a.1", { limit: 1 })).toEqual([]);
    expect(await sweepOutbox(store, { parkedUntil: later(1000), appendedSince: later(1), forgetBefore: at })).toBe(0);
    expect(await sweepOutbox(store, { parkedUntil: later(1000), appendedSince: at, forgetBefore: at })).toBe(1);
    expect(await readOutbox(store, "a.1", { limit: 1 })).toHaveLength(1);
    await sweepOutbox(store, { parkedUntil: at, appendedSince: at, forgetBefore: later(1) });
    expect((await outboxDepth(store)).waiting).toBe(1);
    await parkInOutbox(store, seq, later(2000));
    await sweepOutbox(store, { parkedUntil: at, appendedSince: at, forgetBefore: later(1) });
    expect(await outboxDepth(store)).toMatchObject({ waiting: 0, parked: 0 });
  });

  test("pseudonyms stay the same for a database, also under newer keys, and are others in another", async () => {
    const old = generateKeyText("k1", webRandom);
    const newer = createKeyRing(`${generateKeyText("k2", webRandom)},${old}`);
    const under = (keys: typeof newer) => nodeAtRest(keys, "connector", webRandom);
    const [one, two] = await Promise.all([
      openPseudonyms(store, under(createKeyRing(old)), webRandom),
      openPseudonyms(other, under(createKeyRing(old)), webRandom),
    ]);
    expect(one("6281200000001")).toMatch(/^[\w-]{22}$/);
    expect(one("6281200000001")).not.toBe(one("6281200000002"));
    expect(two("6281200000001")).toBe(one("6281200000001"));
    const renewed = await openPseudonyms(store, under(newer), webRandom);
    expect(renewed("6281200000001")).toBe(one("6281200000001"));
    await expect(openPseudonyms(store, under(createKeyRing(old)), webRandom)).rejects.toThrow("not configured");
    await store.client.execute("DELETE FROM setting");
    expect((await openPseudonyms(store, under(newer), webRandom))("6281200000001")).not.toBe(one("6281200000001"));
  });

  test("a known number is found again and lies open nowhere", async () => {
    const atRest = nodeAtRest(createKeyRing(generateKeyText("k1", webRandom)), "connector", webRandom);
    const numbers = numberStore(store, await openPseudonyms(store, atRest, webRandom), atRest);
    const known = { digits: "6281200000001", jid: "6281200000001@s.whatsapp.net", until: later(1000) };
    const dead = { digits: "6281200000002", jid: null, until: later(1000) };
    await numbers.store("ws_a", [known, dead], at);
    const all = [known.digits, "6281200000003", dead.digits];
    expect(Object.fromEntries(await numbers.find("ws_a", all))).toEqual({
      [known.digits]: known,
      [dead.digits]: dead,
    });
    expect(await numbers.find("ws_b", all)).toEqual(new Map());
    // A "no account" that was asked for before the number was found changes nothing, until the jid is old.
    await numbers.store("ws_a", [{ ...known, jid: null }], at);
    expect((await numbers.find("ws_a", all)).get(known.digits)).toEqual(known);
    await numbers.store("ws_a", [{ ...known, jid: null, until: later(2000) }], later(1000));
    expect((await numbers.find("ws_a", all)).get(known.digits)?.jid).toBeNull();
    // An account that is found replaces a "no account" at once.
    await numbers.store("ws_a", [known], at);
    expect((await numbers.find("ws_a", all)).get(known.digits)).toEqual(known);
    const { rows } = await store.client.execute("SELECT * FROM number");
    expect(JSON.stringify(rows)).not.toContain("81200000");
  });

  test("an owner that was replaced changes neither credentials nor ledger nor outbox", async () => {
    const sessionId = newId("ses");
    await setDesired(sessionId);
    const [mine] = await acquire(store, "a", "a.1");
    const atRest = nodeAtRest(createKeyRing(generateKeyText("k1", webRandom)), sessionId, webRandom);
    const stale = { sessionId, fence: mine!.fence };
    const old = credentialStore(store, pseudonym)(stale, atRest);
    await old.write([{ kind: "session", id: "x.0", value: "first" }]);
    const message = { messageId: newId("msg"), sessionId, waId: "W1", chat: "1@s.whatsapp.net", chatLid: null };
    const nothing = { sealed: null, sealedUntil: null, sealedChat: null, traceparent: null };
    const entry = { ...message, rank: rank.sending, ...nothing };
    await attemptWriter(store)({ fence: stale, entry, at });

    const [theirs] = await acquire(other, "b", "b.1", { now: later(20_000) });
    const fresh = credentialStore(other, pseudonym)({ sessionId, fence: theirs!.fence }, atRest);
    await fresh.write([{ kind: "session", id: "x.0", value: "second" }]);

    await expect(old.write([{ kind: "session", id: "x.0", value: "third" }])).rejects.toThrow(LeaseLost);
    await expect(old.write([{ kind: "session", id: "x.0", value: null }])).rejects.toThrow(LeaseLost);
    expect(await fresh.read("session", ["x.0"])).toEqual(new Map([["x.0", "second"]]));
    const event = {
      id: "evt_1",
      type: "message.sent" as const,
      sessionId,
      messageId: message.messageId,
      at: at.toISOString(),
    };
    const move = { waId: "W1", to: rank.sent, chatLid: null, events: [{ event, below: rank.sent }] };
    await expect(moveWriter(store)({ ...move, fence: stale })).rejects.toThrow(LeaseLost);
    const late = { ...entry, messageId: newId("msg"), waId: "W2" };
    await expect(attemptWriter(store)({ fence: stale, entry: late, at })).rejects.toThrow(LeaseLost);
    expect((await findByMessageId(store, message.messageId))!.rank).toBe(rank.sending);
    expect(await findByMessageId(store, late.messageId)).toBeNull();
    expect(await readOutbox(other, "b.1", { limit: 10 })).toEqual([]);
    await moveWriter(other)({ ...move, fence: { sessionId, fence: theirs!.fence } });
    expect(await readOutbox(other, "b.1", { limit: 10 })).toHaveLength(1);
  });

  test("writes of a stale owner in the same turn do not take the others with them", async () => {
    const [one, two] = [newId("ses"), newId("ses")];
    await setDesired(one);
    await setDesired(two);
    const rows = new Map((await acquire(store, "a", "a.1")).map((row) => [row.id, row.fence]));
    const atRest = nodeAtRest(createKeyRing(generateKeyText("k1", webRandom)), "any", webRandom);
    const open = credentialStore(store, pseudonym);
    const stale = open({ sessionId: one, fence: rows.get(one)! - 1 }, atRest);
    const good = open({ sessionId: two, fence: rows.get(two)! }, atRest);
    const outcomes = await Promise.allSettled([
      stale.write([{ kind: "creds", id: "creds", value: "no" }]),
      good.write([{ kind: "creds", id: "creds", value: "yes" }]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect((await stale.read("creds", ["creds"])).size).toBe(0);
    expect((await good.read("creds", ["creds"])).get("creds")).toBe("yes");
  });

  test("the last write wins, and a sealed value cannot be moved", async () => {
    const sessionId = newId("ses");
    await setDesired(sessionId);
    const [row] = await acquire(store, "a", "a.1");
    const atRest = nodeAtRest(createKeyRing(generateKeyText("k1", webRandom)), sessionId, webRandom);
    const credentials = credentialStore(store, pseudonym)({ sessionId, fence: row!.fence }, atRest);
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => credentials.write([{ kind: "creds", id: "creds", value: `snapshot ${i}` }])),
    );
    expect((await credentials.read("creds", ["creds"])).get("creds")).toBe("snapshot 49");
    await credentials.write([
      { kind: "pre-key", id: "1", value: "a" },
      { kind: "pre-key", id: "2", value: "b" },
    ]);
    await credentials.write([{ kind: "pre-key", id: "1", value: null }]);
    expect(await credentials.read("pre-key", ["1", "2"])).toEqual(new Map([["2", "b"]]));
    await store.client.execute("UPDATE credential SET key_id = 'p3' WHERE kind = 'pre-key' AND key_id = 'p2'");
    await expect(credentials.read("pre-key", ["3"])).rejects.toThrow();
  });
});

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

test("an owner that has lost its lease closes its socket and reports nothing more", async () => {
  rig = await startRig({ environment: { LEASE_SECONDS: "3" } });
  const { simulator, edge } = rig;
  const sessionId = await rig.pair("+6281200000001");
  const before = edge.statesOf(sessionId).length;
  const thief = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  const far = new Date(Date.now() + 60_000);
  const taken = await acquireLeases(thief, {
    owner: "thief",
    run: "thief.1",
    now: far,
    leaseMs: 60_000,
    includeOwn: false,
    limit: 10,
  });
  expect(taken.map(({ id }) => id)).toEqual([sessionId]);
  await until("the socket is closed", () => !simulator.phone("+6281200000001").devices[0]!.connected);
  expect((await edge.rpc("/rpc/sessions/qr", { sessionId })).status).toBe(503);
  expect(edge.statesOf(sessionId)).toHaveLength(before);
  expect((await findSession(thief, sessionId))!.ownerRun).toBe("thief.1");
  await thief.close();
});

test("without a lease that it can renew, a session has no socket and opens none", async () => {
  rig = await startRig({ environment: { LEASE_SECONDS: "3" }, services: { chance: () => 0 } });
  const { simulator, edge } = rig;
  const sessionId = await rig.pair("+6281200000001");
  const database = openFile(rig.environment["LIBSQL_URL"]!);
  const isConnected = () => simulator.phone("+6281200000001").devices[0]!.connected;
  await database.execute(
    "CREATE TRIGGER full BEFORE UPDATE ON session BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
  );
  await until("the socket is closed", () => !isConnected());
  const before = simulator.stats().connections;
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect([isConnected(), simulator.stats().connections]).toEqual([false, before]);
  await database.execute("DROP TRIGGER full");
  await until("it is online again", () => edge.statesOf(sessionId).filter((state) => state === "online").length === 2);
  await database.close();
});

test("a deleted session is gone when its last event is stored, and the event is repeated for later requests", async () => {
  rig = await startRig({ environment: { LEASE_SECONDS: "3" } });
  const { edge } = rig;
  const sessionId = await rig.pair("+6281200000001");
  const reported = () => edge.statesOf(sessionId).filter((state) => state === "ended/requested").length;
  const database = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  await database.client.execute(
    "CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
  );
  await rig.setDesiredState({ sessionId, desired: "deleted" });
  await until("the phone knows", () => rig!.simulator.phone("+6281200000001").devices.length === 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect([reported(), (await findSession(database, sessionId))!.isGone]).toEqual([0, false]);
  await database.client.execute("DROP TRIGGER full");
  await until("it is reported", () => reported() === 1);
  expect((await findSession(database, sessionId))!).toMatchObject({ isGone: true, sealedPhone: null, state: "ended" });
  await rig.setDesiredState({ sessionId, desired: "deleted", revision: 3 });
  await until("it is reported again", () => reported() === 2);
  expect(edge.events.at(-1)).toMatchObject({ type: "session.state", sessionId, revision: 3 });
  // A recorded job is repeated. The event of a newer job comes after all of these.
  for (let i = 0; i < 10; i++)
    expect(await rig.setDesiredState({ sessionId, desired: "deleted", revision: 3 })).toBe(200);
  await rig.setDesiredState({ sessionId, desired: "deleted", revision: 4 });
  await until("the newer one is reported", () =>
    edge.events.some((event) => "revision" in event && event.revision === 4),
  );
  expect(reported()).toBe(3);
  await database.close();
});

test("the next owner delivers the events of a dead owner", async () => {
  rig = await startRig({ environment: { LEASE_SECONDS: "3" } });
  const database = await openStore({ url: rig.environment["LIBSQL_URL"]!, authToken: undefined }, new Date());
  const sessionId = newId("ses");
  const now = new Date();
  // A session that appends no events when it is adopted.
  await storeDesiredState(database, { sessionId, workspaceId, desired: "stopped", revision: 1 }, now);
  const dead = { owner: "dead", run: "dead.1", now, leaseMs: 1500, includeOwn: false, limit: 1, sessionId };
  const [row] = await acquireLeases(database, dead);
  const fence = { sessionId, fence: row!.fence };
  const id = createId("evt", now, webRandom(10));
  const event = { id, type: "message.sent" as const, sessionId, messageId: newId("msg"), at: now.toISOString() };
  await writeFenced(database, fence, [
    stateStatement(fence, { state: "stopped", reason: "requested", sealedPhone: null, actedRevision: 1 }, now),
    appendStatement(fence, event),
  ]);
  const { edge } = rig;
  const reported = await until("it is reported", () => edge.events.find((one) => one.id === id));
  expect(reported).toMatchObject({ ...event, seq: expect.any(Number) as number });
  await database.close();
});

test("a session is online again after a restart without a new QR code", async () => {
  rig = await startRig();
  const { edge } = rig;
  const sessionId = await rig.pair("+6281200000001");
  await rig.stop();
  await rig.start();
  await until("it is online again", () => edge.statesOf(sessionId).filter((state) => state === "online").length === 2);
  expect(edge.statesOf(sessionId).slice(-2)).toEqual(["connecting", "online"]);
  expect(rig.simulator.stats()).toMatchObject({ pairings: 1, devicesWithTwoOwners: 0 });
});

test("what was learned last is at the edge before the lease is given back", async () => {
  rig = await startRig();
  const { edge, simulator } = rig;
  const sessionId = await rig.pair("+6281200000001");
  simulator.createPhone({ number: "+6281200000002", receipts: "read" });
  let isAway = true;
  edge.refuse = () => (isAway ? 503 : null);
  const messageId = await rig.send(sessionId, { to: "+6281200000002", code: "123123" });
  await until("the phone has read it", () => simulator.stats().readReceipts === 1);
  const stopped = rig.stop();
  isAway = false;
  await stopped;
  expect(edge.typesOf(messageId)).toEqual(["message.sent", "message.delivered", "message.read"]);
});
