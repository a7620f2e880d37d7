import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore, type Store } from "../src/store/store.ts";
import { sweepStore } from "../src/store/sweep.ts";
import { retryParked } from "../src/outbox/retry-parked.ts";
import { createSweeper } from "../src/sweeps.ts";
import { until } from "./support/fake-edge.ts";

let store: Store;
let timers: (() => void)[];
beforeEach(async () => {
  timers = [];
  store = await openStore({ url: "file::memory:", authToken: undefined }, new Date());
  await store.writer.write([
    { sql: "INSERT INTO number (id, sealed_jid, until) VALUES ('old', NULL, 1), ('new', NULL, ?)", args: [2e15] },
    {
      sql: "INSERT INTO outbox (session_id, body, created_at, parked_at) VALUES ('s', '{}', ?, 1)",
      args: [Date.now()],
    },
  ]);
});
afterEach(() => store.close());

let retried = 0;
const now = () => new Date();
const sweepWith = (keep: () => Promise<void>) =>
  createSweeper({
    services: {
      after(_ms, run) {
        timers.push(run);
        return () => void (timers = timers.filter((each) => each !== run));
      },
    },
    sweeps: [
      { name: "versions", run: keep },
      { name: "store", run: () => sweepStore(store, now(), 7) },
      retryParked({ services: { now }, store, ledgerDays: 7, onRetry: () => retried++ }),
    ],
    logger: pino({ level: "silent" }),
  });
const numbers = async () => (await store.client.execute("SELECT id FROM number")).rows.map((row) => row["id"]);

test("old rows are deleted and parked events retried, although the newest version is unknown", async () => {
  const sweep = sweepWith(() => Promise.reject(new Error("WhatsApp does not answer")));
  sweep.start();
  await until("what was parked goes again", () => retried === 1);
  expect(await numbers()).toEqual(["new"]);
  await until("the next one is due", () => timers.length === 1);
  await sweep.stop();
  expect(timers).toEqual([]);
});

/** A session, unless it is there, and one of its events, which waits for so long. */
const insert = (sessionId: string, contentMs: number | null, ageMs: number) => [
  {
    sql: `INSERT INTO session (id, workspace_id, desired, revision, content_ms, state_at, created_at)
      VALUES (?, 'w', 'running', 1, ?, 0, 0)
      ON CONFLICT DO NOTHING`,
    args: [sessionId, contentMs],
  },
  {
    sql: "INSERT INTO outbox (session_id, body, sealed_content, created_at) VALUES (?, ?, 'sealed', ?)",
    args: [sessionId, String(ageMs), Date.now() - ageMs],
  },
];

test("contents of waiting events are deleted when their session keeps them no longer", async () => {
  const hourMs = 3_600_000;
  await store.writer.write([
    ...insert("day", 24 * hourMs, 23 * hourMs),
    ...insert("day", 24 * hourMs, 25 * hourMs),
    // The edge has not said yet how long.
    ...insert("new", null, 71 * hourMs),
    ...insert("new", null, 73 * hourMs),
  ]);
  await sweepStore(store, now(), 7);
  const { rows } = await store.client.execute("SELECT body FROM outbox WHERE sealed_content IS NOT NULL ORDER BY seq");
  expect(rows.map(({ body }) => Number(body) / hourMs)).toEqual([23, 71]);
});

test("a stop waits for the running sweep, and no other follows", async () => {
  const asked = Promise.withResolvers<void>();
  const sweep = sweepWith(() => asked.promise);
  sweep.start();
  const stopped = sweep.stop().then(numbers);
  asked.resolve();
  expect(await stopped).toEqual(expect.arrayContaining(["new", "old"]));
  expect(timers).toEqual([]);
});
