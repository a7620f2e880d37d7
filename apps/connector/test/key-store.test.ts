import type { InStatement } from "@libsql/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { trimSessions } from "../src/baileys/session-record.ts";
import type { SocketCaches } from "../src/baileys/caches.ts";
import type { AuthState } from "../src/baileys/auth-state.ts";
import { openStore, storeOn } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000001";
let rig: Rig;
let transactions: string[][];
let reads: string[];
let sockets: { caches: SocketCaches; auth: AuthState }[];

/** Those that messages use up are deleted. */
const isKept = (one: string) => one.includes("INSERT INTO credential") && one.includes('\\"pre-key\\"');
const entry = (closed: number) => ({ indexInfo: { closed } });
const sqlOf = (query: InStatement) => (typeof query === "string" ? query : query.sql);

beforeEach(async () => {
  [transactions, reads, sockets] = [[], [], []];
  rig = await startRig({
    services: { chance: () => 0 },
    async openStore(database, now) {
      const { client } = await openStore(database, now);
      return storeOn({
        close: () => client.close(),
        execute(query: InStatement) {
          reads.push(sqlOf(query));
          return client.execute(query);
        },
        batch(queries: InStatement[]) {
          transactions.push(queries.map((query) => JSON.stringify(query)));
          return client.batch(queries, "write");
        },
      });
    },
    around: (open) => (options) => {
      sockets.push(options);
      return open(options);
    },
  });
  rig.simulator.createPhone({ number: user, receipts: "delivered" });
});
afterEach(() => rig.close());

const credentialReads = () => reads.filter((sql) => sql.includes("FROM credential"));

async function recordSizes(): Promise<number[]> {
  const { auth } = sockets.at(-1)!;
  const lid = rig.simulator.phone(user).lid;
  const { [`${lid}_1.0`]: record } = await auth.keys.get("session", [`${lid}_1.0`]);
  expect(record).toBeDefined();
  return [JSON.stringify(record).length, Object.keys((record as unknown as { _sessions: object })["_sessions"]).length];
}

test("the pre-keys of a first login are stored in one transaction, with one statement", async () => {
  await rig.pair(own);
  const withPreKeys = transactions.flatMap((statements) => statements.filter(isKept));
  expect(withPreKeys).toHaveLength(1);
  expect(withPreKeys[0]!.split('\\"pre-key\\"')).toHaveLength(812 + 1);
});

test("a message to a known recipient reads no credential, and writes each session record once", async () => {
  const sessionId = await rig.pair(own);
  await rig.send(sessionId, { to: user, text: "first" });
  const before = credentialReads().length;
  transactions.length = 0;
  for (const text of ["second", "third", "fourth"]) await rig.send(sessionId, { to: user, text });
  await until("they are there", () => rig.simulator.messages(user).length === 4);
  expect(credentialReads()).toHaveLength(before);
  const records = transactions.flat().flatMap((one) => one.match(/\\"session\\"/g) ?? []);
  // One for the recipient; the session's own phone gets a copy.
  expect(records).toHaveLength(6);
});

test("a session record stays small over many lifetimes of the device cache and many reconnects", async () => {
  const sessionId = await rig.pair(own);
  for (let i = 0; i < 60; i++) {
    await rig.send(sessionId, { to: user, text: `message ${i}` });
    await sockets.at(-1)!.caches.userDevices.flushAll();
  }
  await until("they are there", () => rig.simulator.messages(user).length === 60);
  for (let i = 0; i < 3; i++) {
    const { length } = sockets;
    rig.simulator.setFault({ kind: "drop" });
    await until("it is back", () => sockets.length > length && rig.simulator.phone(own).devices[0]!.connected);
    await rig.send(sessionId, { to: user, text: `after drop ${i}` });
  }
  const [bytes, sessions] = await recordSizes();
  expect(sessions).toBeLessThanOrEqual(6);
  expect(bytes).toBeLessThan(8000);
});

test("a record keeps its five newest closed sessions, and always the open one", () => {
  const closed = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`closed ${i}`, entry(i + 1)]));
  const record = { _sessions: { open: entry(-1), ...closed } };
  trimSessions(record);
  expect(Object.keys(record["_sessions"])).toEqual(["open", ...[4, 5, 6, 7, 8].map((i) => `closed ${i}`)]);
  expect(() => trimSessions({})).not.toThrow();
});
