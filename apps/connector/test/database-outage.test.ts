import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { openFile } from "../src/store/file-client.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { until } from "./support/fake-edge.ts";
import { type Line, lineTo } from "./support/line.ts";
import { newId, type Rig, sendJob, startRig } from "./support/rig.ts";

interface Libsql {
  port: number;
  close(): Promise<void>;
}
// By URL, because the stack is no part of the connector.
const { startLibsql } = (await import(
  new URL("../../../packages/local-stack/src/libsql/server.ts", import.meta.url).href
)) as { startLibsql: (options: { file: string; token: string }) => Promise<Libsql> };

const own = "+6281200000001";
const user = "+6281300000001";
const token = "7777777777000";

let rig: Rig;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await rig.close();
  for (const close of closing.splice(0).toReversed()) await close();
});

async function ready(): Promise<{ status: number; problems: string[] }> {
  const response = await fetch(`${rig.edge.connectorUrl}/readyz`);
  return { status: response.status, problems: ((await response.json()) as { problems: string[] }).problems };
}

async function refusal(path: string, job: unknown) {
  const response = await rig.edge.deliver(path, job);
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, code, waits: Number(response.headers.get("retry-after")) > 0 };
}

const shown = (text: string) => rig.simulator.messages(user).filter((message) => message.text === text).length;
const reported = () => rig.edge.events.flatMap((event) => (event.type === "message.received" ? [event.token] : []));
const isConnected = () => rig.simulator.phone(own).devices[0]!.connected;

async function accept(text: string) {
  const id = newId("msg");
  await rig.edge.accept(id, { to: user, text });
  return id;
}

/** SQLite is full when the file may not grow. Space of deleted rows is used first. */
async function fill(store: Store, url: string): Promise<void> {
  const other = openFile(url);
  await other.execute("CREATE TABLE IF NOT EXISTS filler (data BLOB)");
  const count = async (pragma: string) =>
    Number(Object.values((await other.execute(`PRAGMA ${pragma}`)).rows[0] ?? {})[0]);
  while ((await count("freelist_count")) > 0) await other.execute("INSERT INTO filler VALUES (zeroblob(8000))");
  const pages = await count("page_count");
  await other.close();
  await store.client.execute(`PRAGMA max_page_count = ${pages}`);
}

describe("a remote database that does not answer", () => {
  let line: Line;

  async function start(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "sandi-outage-"));
    closing.push(() => rm(folder, { recursive: true, force: true }));
    const server = await startLibsql({ file: join(folder, "connector.db"), token: "secret" });
    closing.push(() => server.close());
    line = await lineTo(server.port);
    closing.push(() => line.close());
    const remote = { LIBSQL_URL: `http://127.0.0.1:${line.port}`, LIBSQL_AUTH_TOKEN: "secret" };
    rig = await startRig({ environment: { ...remote, LEASE_SECONDS: "3" } });
    const sessionId = await rig.pair(own);
    rig.simulator.createPhone({ number: user, receipts: "read" });
    const before = await rig.send(sessionId, { to: user, text: "before" });
    await until("it is read", () => rig.edge.typesOf(before).includes("message.read"));
    return sessionId;
  }

  test.each(["cut", "deaf"] as const)(
    "closes the sockets when their leases expire, sends nothing, and recovers without help (%s)",
    async (state) => {
      const sessionId = await start();
      line.set(state);
      const id = await accept("meanwhile");
      const job = sendJob(id, sessionId);
      expect(await refusal("/jobs/send", job)).toMatchObject({ status: 503, waits: true });
      const sessionJob = { sessionId: newId("ses"), workspaceId: newId("ws"), desired: "running", revision: 1 };
      expect(await refusal("/jobs/session", sessionJob)).toEqual({
        status: 503,
        code: "database-unavailable",
        waits: true,
      });
      expect(await ready()).toEqual({ status: 503, problems: ["the database does not answer"] });
      expect((await fetch(`${rig.edge.connectorUrl}/healthz`)).status).toBe(200);

      await until("the socket is closed", () => !isConnected());
      expect(rig.log.join("")).toContain("the lease expired before it was renewed");
      await rig.simulator.send(user, { to: own, text: `SV-${token}` });
      expect(await refusal("/jobs/send", job)).toMatchObject({ status: 503, waits: true });
      expect([shown("meanwhile"), reported()]).toEqual([0, []]);

      line.set("up");
      expect(await rig.edge.deliverUntilDone("/jobs/send", job, { times: 400, pauseMs: 100 })).toBe(200);
      await until("it is read", () => rig.edge.typesOf(id).includes("message.read"));
      await until("what was written is reported", () => reported().length > 0);
      await until("it is ready", async () => (await ready()).status === 200);
      expect([shown("meanwhile"), reported()]).toEqual([1, [token]]);
      expect(rig.edge.typesOf(id)).toEqual(["message.sent", "message.delivered", "message.read"]);
      await until("the session is online", () => rig.edge.statesOf(sessionId).at(-1) === "online");
      expect(rig.simulator.stats()).toMatchObject({ undecryptable: 0, devicesWithTwoOwners: 0 });
    },
    90_000,
  );

  test("costs no receipt, though it is away for a moment only, between two renewals of a lease", async () => {
    const sessionId = await start();
    rig.simulator.updatePhone(user, { latencyMs: 300 });
    const id = await rig.send(sessionId, { to: user, text: "just before" });
    line.set("cut");
    await until("the phone has read it", () => rig.simulator.stats().readReceipts >= 2);
    line.set("up");
    await until("it is read", () => rig.edge.typesOf(id).includes("message.read"));
    expect(shown("just before")).toBe(1);
  }, 90_000);
});

describe("a full disk", () => {
  test("refuses sends before anything is sent, reports it, and continues when there is space", async () => {
    let store: Store | undefined;
    rig = await startRig({ openStore: async (...open) => (store = await openStore(...open)) });
    const sessionId = await rig.pair(own);
    rig.simulator.createPhone({ number: user, receipts: "read" });
    await rig.send(sessionId, { to: user, text: "before" });
    await until("all is reported", () => rig.edge.events.some(({ type }) => type === "message.read"));
    await fill(store!, rig.environment["LIBSQL_URL"]!);

    // Too long for the free space in existing pages.
    const text = "parcel ".repeat(580);
    const id = await accept(text);
    const job = sendJob(id, sessionId);
    for (let i = 0; i < 3; i++) expect(await refusal("/jobs/send", job)).toMatchObject({ status: 503, waits: true });
    expect([shown(text), rig.edge.typesOf(id)]).toEqual([0, []]);
    expect(await ready()).toEqual({ status: 503, problems: ["the database has no room"] });
    expect(isConnected()).toBe(true);

    await store!.client.execute("PRAGMA max_page_count = 1000000");
    await until("it is ready", async () => (await ready()).status === 200);
    expect(await rig.edge.deliverUntilDone("/jobs/send", job, { times: 100, pauseMs: 100 })).toBe(200);
    await until("it is read", () => rig.edge.typesOf(id).includes("message.read"));
    expect(shown(text)).toBe(1);
  });

  test("keeps what people write on the server until there is room", async () => {
    let store: Store | undefined;
    rig = await startRig({
      openStore: async (...open) => (store = await openStore(...open)),
      services: { chance: () => 0 },
    });
    await rig.pair(own);
    rig.simulator.createPhone({ number: user });
    await rig.simulator.send(user, { to: own, text: "SV-7777777777999" });
    await until("it is reported", () => reported().length > 0);
    await fill(store!, rig.environment["LIBSQL_URL"]!);
    const tokens = Array.from({ length: 60 }, (_, i) => `77777777771${i + 10}`);
    for (const each of tokens) await rig.simulator.send(user, { to: own, text: `SV-${each}` });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await store!.client.execute("PRAGMA max_page_count = 1000000");
    await until("all are reported", () => new Set(reported()).size === 61);
    expect(reported()).toHaveLength(61);
  });
});
