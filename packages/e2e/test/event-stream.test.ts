import { readdir, readFile } from "node:fs/promises";
import type { Event } from "@sandi/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Dependency, startTestEdge, type TestEdge } from "../src/edge.ts";
import { eventually } from "../src/harness.ts";
import { addEvents, addKeys, listenTo, type StreamClient } from "../src/streams.ts";

let edge: TestEdge;
const asked: Dependency[] = [];
const reads = () => asked.filter((dependency) => dependency === "libsql").length;

beforeAll(async () => {
  edge = await startTestEdge({ onSubrequest: (dependency) => void asked.push(dependency) });
});
afterAll(() => edge.stop());

const idsOf = (events: readonly Event[]) => events.map(({ id }) => id);
const haveAll = (clients: readonly StreamClient[], count: number) =>
  eventually("the events at every client", async () => clients.every(({ events }) => events.length >= count));

/** Kilobytes of the Worker's process; 0 where there is no /proc. */
async function memoryOfWorker(): Promise<number> {
  const processes = await readdir("/proc").catch(() => []);
  const sizes = await Promise.all(
    processes
      .filter((name) => /^\d+$/.test(name))
      .map(async (pid) => {
        const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
        const isOurs = status.startsWith("Name:\tworkerd") && status.includes(`\nPPid:\t${process.pid}\n`);
        return isOurs ? Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) : 0;
      }),
  );
  return sizes.reduce((all, size) => all + size, 0);
}

it("500 idle listeners of 100 keys cost one read of the database at a time, and little memory", async () => {
  const keys = await addKeys(edge, 100);
  const each = <T>(ask: (key: string) => Promise<T>) =>
    Promise.all(keys.flatMap((key) => Array.from({ length: 5 }, () => ask(key))));
  // What as many short requests need is not counted.
  for (let i = 0; i < 3; i++) {
    await each((key) => edge.api("GET /v1/events", undefined, { authorization: `Bearer ${key}` }));
  }
  const before = await memoryOfWorker();
  const clients = await each((key) => listenTo(edge, { key }));
  expect(new Set(clients.map(({ status }) => status))).toEqual(new Set([200]));
  await eventually("a position for every client", async () => clients.every(({ lastId }) => lastId !== ""));

  const idle = await memoryOfWorker();
  console.log(`500 idle listeners: ${idle - before} kB more than ${before} kB`);
  expect(idle - before).toBeLessThan(clients.length * 100);

  const [startedAt, readBefore] = [performance.now(), reads()];
  const first = await addEvents(edge, 1);
  await haveAll(clients, 1);
  const second = await addEvents(edge, 200);
  await haveAll(clients, 201);
  for (const { events } of clients) expect(idsOf(events)).toEqual([...first, ...second]);
  // Five a second is the most that a feed is read. Keys are looked up again and their last uses stored in the same time.
  const most = (performance.now() - startedAt) / 200 + 3 * keys.length;
  expect(reads() - readBefore).toBeLessThanOrEqual(most);

  // The stream that reads for the others may be one of those that end.
  for (const client of clients.slice(0, 450)) client.hangUp();
  const rest = clients.slice(450);
  const third = await addEvents(edge, 3);
  await haveAll(rest, 204);
  for (const { events } of rest) expect(idsOf(events)).toEqual([...first, ...second, ...third]);
  for (const client of rest) client.hangUp();
});

it("a client that hangs up gives its place back", async () => {
  const [key = ""] = await addKeys(edge, 1);
  const clients = await Promise.all(Array.from({ length: 5 }, () => listenTo(edge, { key })));
  expect((await listenTo(edge, { key })).status).toBe(429);
  for (const client of clients) client.hangUp();
  const next = await eventually("a free place", async () => {
    await addEvents(edge, 1);
    const client = await listenTo(edge, { key });
    return client.status === 200 && client;
  });
  next.hangUp();
});

it("a connection that breaks anywhere loses no event and doubles none, while 1,000 are written", async () => {
  const { nextCursor } = await newest();
  const seen: Event[] = [];
  let lastEventId = nextCursor;
  let cuts = 0;
  const written: string[] = [];
  const write = async () => {
    for (let i = 0; i < 200; i++) written.push(...(await addEvents(edge, 5)));
  };
  const writing = write();
  while (seen.length < 1_000) {
    const cutAfter = 1 + Math.floor(Math.random() ** 3 * 60_000);
    const client = await listenTo(edge, { lastEventId, cutAfter });
    // Places of cut lines are free only when the Worker sees it.
    if (client.status === 429) continue;
    expect(client.status).toBe(200);
    const all = async () => !client.isOpen || seen.length + client.events.length >= 1_000;
    await eventually("the cut, or the last event", all);
    client.hangUp();
    await client.ended;
    seen.push(...client.events);
    lastEventId = client.lastId;
    cuts++;
  }
  await writing;
  expect(idsOf(seen)).toEqual(written);
  expect(cuts).toBeGreaterThan(5);
});

const newest = async () => {
  const { body } = await edge.api<{ nextCursor: string }>("GET /v1/events?limit=500&type=batch.finished");
  return body;
};
