import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import type { InStatement } from "@libsql/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeAtRest } from "@sandi/crypto/node";
import { createChats } from "../src/store/chats.ts";
import { credentialStore, importStatement } from "../src/store/credentials.ts";
import { attemptStatement, attemptWriter, rank } from "../src/store/ledger.ts";
import { advanceStatement, moveWriter, revokedStatement } from "../src/store/ledger-moves.ts";
import { forgetStatements, accountTables } from "../src/store/account.ts";
import { limitsStatement } from "../src/store/account-limits.ts";
import { noteLookUps, pauseLookUps } from "../src/store/look-ups.ts";
import { appendBodyStatement, appendOnceStatement, appendStatement, readOutbox } from "../src/store/outbox.ts";
import { latestStatement } from "../src/store/latest-chats.ts";
import { sentMessageStatement, unsentStatement } from "../src/store/messages.ts";
import { receivedStatements } from "../src/store/received.ts";
import { type Fence, LeaseLost, writeFenced } from "../src/store/fence.ts";
import { acquireLeases, releaseLeases } from "../src/store/leases.ts";
import { removalStatements, stateStatement, storeDesiredState } from "../src/store/sessions.ts";
import { openStore, type Store } from "../src/store/store.ts";

const sessionId = "ses_1";
const at = new Date(1_000_000);
const tables = ["session", "credential", "ledger", "outbox", "message", "word", "conversation", ...accountTables];
const atRest = nodeAtRest(createKeyRing(generateKeyText("k1", webRandom)), sessionId, webRandom);
const pseudonym = (text: string) => `p${text}`;
const event = { id: "evt_1", type: "message.sent", sessionId, messageId: "msg_1", at: at.toISOString() } as const;
const state = { state: "online", reason: null, sealedPhone: "sealed", actedRevision: 1 } as const;
const limits = { lockedUntil: at, newChats: null, pausedUntil: null, trips: 1 };
const rest = { sealed: "v1.text", sealedUntil: null, sealedChat: null, traceparent: null };
const entry = (waId: string) => ({
  messageId: `msg_${waId}`,
  sessionId,
  waId,
  chat: "p1",
  chatLid: null,
  rank: rank.sending,
  ...rest,
});
const move = { waId: "W1", to: rank.sent, chatLid: null, events: [{ event, below: rank.sent }] };

const kept = {
  waId: "p1",
  id: "msg_1",
  conversationId: "cht_1",
  type: "text",
  sealed: "v1.text",
  words: ["t1"],
  position: "1",
  at,
};

let store: Store;
let stale: Fence;
let good: Fence;

const chats = () => createChats(store, { now: () => at, pseudonym });
const credentials = (fence: Fence) => credentialStore(store, pseudonym)(fence, atRest);
const fenced = (statements: (fence: Fence) => InStatement[] | Promise<InStatement[]>) => async (fence: Fence) =>
  writeFenced(store, fence, await statements(fence));
const [ofLedger, tombstone] = [0, 1].map((place) =>
  fenced((fence) => removalStatements(fence, at).slice(place, place + 1)),
);
const ofPast = (place: number) => fenced((fence) => [forgetStatements.past(fence).at(place)!]);
const ofTables = accountTables.map((table, place) => [`another account's ${table}`, ofPast(place)] as const);

/** Every write for a session, each one alone. */
const writes = {
  "the session's state": fenced((fence) => [stateStatement(fence, state, at)]),
  "a credential": (fence) => credentials(fence).write([{ kind: "session", id: "new", value: "v" }]),
  "a credential that goes": (fence) => credentials(fence).write([{ kind: "session", id: "old", value: null }]),
  "an import": fenced(async (fence) => [
    await importStatement(fence, { values: [["creds", "creds", "v"]], atRest, pseudonym }),
  ]),
  "forgetting a login": fenced((fence) => forgetStatements.login(fence)),
  "an attempt": (fence) => attemptWriter(store)({ fence, entry: entry("W2"), at }),
  "an attempt among others": fenced((fence) => [attemptStatement({ fence, entry: entry("W2"), at })]),
  "news of a message": (fence) => moveWriter(store)({ ...move, fence }),
  "a message's failure": fenced((fence) => [
    advanceStatement(fence, { waId: "W1", to: rank.failed, below: rank.sent, chatLid: null }),
  ]),
  "a message's revocation": fenced((fence) => [revokedStatement(fence, "W1")]),
  "an event": fenced((fence) => [appendStatement(fence, event)]),
  "a sealed event": fenced((fence) => [appendBodyStatement(fence, "{}", at)]),
  "an event about a message": fenced((fence) => [appendOnceStatement(fence, event, "W1", rank.sent)]),
  "what somebody wrote": fenced((fence) =>
    receivedStatements(fence, { waId: "new", eventId: "evt_2", body: "{}", at }),
  ),
  "a sent message": fenced((fence) => [sentMessageStatement(fence, { ...kept, waId: "p2", id: "msg_2" })]),
  "a message that was not sent": fenced((fence) => [unsentStatement(fence, "p1")]),
  "the latest message": fenced((fence) => [
    latestStatement(fence, { conversationId: "cht_1", kind: "person", position: "2" }),
  ]),
  "who was reached": (fence) => chats().reached(fence, ["p2"]),
  "who wrote": fenced((fence) => chats().wrote(fence, ["2"])),
  "the account's limits": fenced((fence) => [limitsStatement(fence, limits)]),
  ...(Object.fromEntries(ofTables) as Record<string, (fence: Fence) => Promise<unknown>>),
  "another account's texts": ofPast(-1),
  "removing messages": ofLedger!,
  "the tombstone": tombstone!,
} satisfies Record<string, (fence: Fence) => Promise<unknown>>;

async function everything(): Promise<unknown> {
  const results = await store.client.batch(tables.map((table) => `SELECT * FROM ${table}`));
  return results.map(({ rows }) => rows.map((row) => Object.values(row)));
}

beforeEach(async () => {
  store = await openStore({ url: "file::memory:", authToken: undefined }, at);
  await storeDesiredState(
    store,
    { sessionId, workspaceId: "ws_1", desired: "running", revision: 1, sealedProxy: "p" },
    at,
  );
  const lease = { owner: "a", run: "a.1", now: at, leaseMs: 15_000, includeOwn: false, limit: 1 };
  const [row] = await acquireLeases(store, lease);
  good = { sessionId, fence: row!.fence };
  stale = { sessionId, fence: row!.fence - 1 };
  await credentials(good).write([{ kind: "session", id: "old", value: "v" }]);
  await attemptWriter(store)({ fence: good, entry: entry("W1"), at });
  await chats().reached(good, ["p1"]);
  await noteLookUps(store, sessionId, { asked: 1, dead: 0, at });
  await pauseLookUps(store, sessionId, at);
  await fenced((fence) => [
    ...receivedStatements(fence, { waId: "old", eventId: "evt_0", body: "{}", at }),
    limitsStatement(fence, { ...limits, trips: 0 }),
    { sql: "INSERT INTO conversation (session_id, id, sealed) VALUES (?, 'cht_1', '')", args: [sessionId] },
    sentMessageStatement(fence, kept),
  ])(good);
});
afterEach(() => store.close());

test.each(Object.entries(writes))("%s: nothing of it is stored by an owner that was replaced", async (_name, write) => {
  const before = await everything();
  await expect(write(stale)).rejects.toThrow(LeaseLost);
  expect(await everything()).toEqual(before);
  await write(good);
  expect(await everything()).not.toEqual(before);
});

test("an owner that was replaced gives nothing back", async () => {
  const before = await everything();
  await releaseLeases(store, [stale], at);
  expect(await everything()).toEqual(before);
});

/** How many events each connector would deliver. */
const readers = async () => {
  const read = await Promise.all(["a.1", "b.1"].map((run) => readOutbox(store, run, { limit: 10 })));
  return read.map((rows) => rows.length);
};

test("a session's events are delivered by its owner only, and by any connector once the session is deleted", async () => {
  await writes["an event"](good);
  const before = await readers();
  expect(before).toEqual([before[0], 0]);
  expect(before[0]).toBeGreaterThan(0);
  await writes["the tombstone"](good);
  expect(await readers()).toEqual([before[0], before[0]]);
});
