import { createClient as createFileClient } from "@libsql/client";
import { type Client, createClient } from "@libsql/client/http";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Libsql, type LibsqlOptions, startLibsql } from "../src/libsql/server.ts";
import { PortTakenError } from "../src/listen.ts";
import { temporaryFolder } from "../src/real-servers.ts";

const stops: (() => Promise<void> | void)[] = [];
const token = "local-token";
let file: string;

async function start(options: Partial<LibsqlOptions> = {}): Promise<{ server: Libsql; client: Client }> {
  const server = await startLibsql({ file, token, ...options });
  const client = createClient({ url: server.url, concurrency: 0, authToken: token });
  stops.push(() => server.close());
  return { server, client };
}

const pipeline = (
  url: string,
  requests: unknown[],
  { baton = null as string | null, signal = undefined as AbortSignal | undefined } = {},
) =>
  fetch(`${url}/v3/pipeline`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ baton, requests }),
    ...(signal ? { signal } : {}),
  });
const execute = (sql: string) => ({ type: "execute", stmt: { sql } });

beforeEach(async () => {
  const folder = await temporaryFolder();
  file = join(folder.path, "data", "test.db");
  stops.push(() => folder.remove());
});
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

describe("the libSQL emulator", () => {
  it("rolls an interactive transaction back when its client sends nothing more, then runs the waiting write", async () => {
    const { client } = await start({ leaseMs: 250 });
    await client.execute("CREATE TABLE t (a)");
    const transaction = await client.transaction("write");
    await transaction.execute("INSERT INTO t VALUES ('lost')");
    await client.execute("INSERT INTO t VALUES ('kept')");
    expect((await client.execute("SELECT a FROM t")).rows.map(({ a }) => a)).toEqual(["kept"]);
    await expect(transaction.commit()).rejects.toMatchObject({ code: "STREAM_EXPIRED" });
  });

  it("keeps a transaction open while its client sends requests", async () => {
    const { client } = await start({ leaseMs: 400 });
    await client.execute("CREATE TABLE t (a)");
    const transaction = await client.transaction("write");
    for (let n = 0; n < 10; n++) {
      await transaction.execute(`INSERT INTO t VALUES (${n})`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await transaction.commit();
    expect((await client.execute("SELECT count(*) AS n FROM t")).rows[0]?.["n"]).toBe(10);
  });

  it("answers reads while a transaction is open, and holds writes until it ends", async () => {
    const { client } = await start();
    await client.execute("CREATE TABLE t (a)");
    const transaction = await client.transaction("write");
    await transaction.execute("INSERT INTO t VALUES (1)");
    const order: string[] = [];
    const write = client.execute("INSERT INTO t VALUES (2)").then(() => order.push("write"));
    await client.execute("SELECT * FROM t").then(() => order.push("read"));
    await transaction.commit();
    await write;
    expect(order).toEqual(["read", "write"]);
  });

  it("holds a second transaction on a stream that was open before the first began", async () => {
    const { server, client } = await start();
    await client.execute("CREATE TABLE t (a)");
    const open = async () =>
      ((await (await pipeline(server.url, [execute("SELECT 1")])).json()) as { baton: string }).baton;
    const [first, second] = [await open(), await open()];
    const begun = (await (await pipeline(server.url, [execute("BEGIN IMMEDIATE")], { baton: first })).json()) as {
      baton: string;
    };
    const waiting = pipeline(server.url, [execute("BEGIN IMMEDIATE"), execute("COMMIT"), { type: "close" }], {
      baton: second,
    });
    await pipeline(server.url, [execute("COMMIT"), { type: "close" }], { baton: begun.baton });
    const { results } = (await (await waiting).json()) as { results: { type: string }[] };
    expect(results.map(({ type }) => type)).toEqual(["ok", "ok", "ok"]);
  });

  it("works after 200 writes whose clients disconnected", async () => {
    const { server, client } = await start({ leaseMs: 60_000 });
    await client.execute("CREATE TABLE t (a)");
    const aborted = Array.from({ length: 200 }, async (_, n) => {
      const abort = new AbortController();
      const request = pipeline(server.url, [execute("BEGIN IMMEDIATE"), execute(`INSERT INTO t VALUES (${n})`)], {
        signal: abort.signal,
      });
      setTimeout(() => abort.abort(), n % 20);
      // Some have their answer before they go: their lease is the one thing that may hold others up, so they give it back.
      const answer = await request
        .then((response) => response.json() as Promise<{ baton: string }>)
        .catch(() => undefined);
      if (answer) await pipeline(server.url, [{ type: "close" }], { baton: answer.baton });
    });
    await Promise.all(aborted);
    await client.batch(["DELETE FROM t", "INSERT INTO t VALUES ('after')"], "write");
    expect((await client.execute("SELECT a FROM t")).rows.map(({ a }) => a)).toEqual(["after"]);
  });

  it("serves 16 writers at once without losing a write", async () => {
    const { client } = await start();
    await client.execute("CREATE TABLE t (writer INT, n INT)");
    await Promise.all(
      Array.from({ length: 16 }, async (_, writer) => {
        for (let n = 0; n < 20; n++)
          await client.batch([{ sql: "INSERT INTO t VALUES (?, ?)", args: [writer, n] }], "write");
      }),
    );
    expect((await client.execute("SELECT count(*) AS n FROM t")).rows[0]?.["n"]).toBe(320);
  });

  it("evaluates one check at a time: of many simultaneous checks five are counted", async () => {
    const { client } = await start();
    await client.batch(
      [
        "CREATE TABLE v (id TEXT, attempts_left INT, status TEXT, mac TEXT)",
        "INSERT INTO v VALUES ('v', 5, 'pending', 'right')",
      ],
      "write",
    );
    const check = (mac: string) =>
      client.execute({
        sql: `UPDATE v SET attempts_left = attempts_left - 1,
            status = CASE WHEN mac = :mac THEN 'approved' WHEN attempts_left = 1 THEN 'max_attempts_reached' ELSE status END
          WHERE id = 'v' AND status = 'pending' AND attempts_left > 0 RETURNING status, attempts_left`,
        args: { mac },
      });
    const answers = await Promise.all(Array.from({ length: 20 }, () => check("wrong")));
    expect(answers.filter(({ rows }) => rows.length === 1)).toHaveLength(5);
    expect((await check("right")).rows).toEqual([]);
  });

  it("keeps its data after a restart", async () => {
    const first = await start();
    await first.client.batch(["CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"], "write");
    const transaction = await first.client.transaction("write");
    await transaction.execute("INSERT INTO t VALUES (2)");
    await first.server.close();
    const second = await start();
    expect((await second.client.execute("SELECT a FROM t")).rows).toHaveLength(1);
  });

  it("opens a file that libSQL itself has written", async () => {
    await mkdir(dirname(file));
    const libsql = createFileClient({ url: `file:${file}` });
    await libsql.batch(["CREATE TABLE t (a)", "INSERT INTO t VALUES ('kept')"], "write");
    libsql.close();
    const { client } = await start();
    await client.execute("INSERT INTO t VALUES ('added')");
    expect((await client.execute("SELECT a FROM t")).rows.map(({ a }) => a)).toEqual(["kept", "added"]);
  });

  it("requires its token", async () => {
    const { server, client } = await start();
    await expect(client.execute("SELECT 1")).resolves.toBeDefined();
    expect((await fetch(`${server.url}/v3/pipeline`, { method: "POST", body: "{}" })).status).toBe(401);
    const stranger = createClient({ url: server.url, authToken: "wrong" });
    await expect(stranger.execute("SELECT 1")).rejects.toThrow("wrong token");
  });

  it("refuses web pages, also with a right token", async () => {
    const { server } = await start();
    const { port } = new URL(server.url);
    const ask = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const path = {
          port,
          host: "127.0.0.1",
          path: "/v2",
          headers: { authorization: `Bearer ${token}`, ...headers },
        };
        httpRequest(path, (response) => resolve(response.resume().statusCode))
          .on("error", reject)
          .end();
      });
    expect(await ask({})).toBe(200);
    expect(await ask({ origin: "https://evil.example" })).toBe(403);
    expect(await ask({ host: "evil.example" })).toBe(403);
  });

  it("reads and writes its own file only", async () => {
    const { client } = await start();
    const outside = join(file, "../outside");
    for (const sql of [
      "SELECT readfile('/etc/hostname')",
      `SELECT writefile('${outside}', 'x')`,
      `ATTACH DATABASE '${outside}' AS other`,
      `VACUUM INTO '${outside}'`,
      "SELECT load_extension('x')",
    ]) {
      await expect(client.execute(sql)).rejects.toThrow("beyond the database");
      await expect(client.executeMultiple(`SELECT 1; ${sql}`)).rejects.toThrow("beyond the database");
    }
    expect(existsSync(outside)).toBe(false);
  });

  it("answers 400 to a body that is not a pipeline", async () => {
    const { server } = await start();
    const headers = { authorization: `Bearer ${token}` };
    const status = async (body: string) =>
      (await fetch(`${server.url}/v2/pipeline`, { method: "POST", headers, body })).status;
    for (const body of [
      "",
      "{",
      "null",
      "{}",
      '{"requests":[{"type":"nonsense"}]}',
      '{"requests":[{"type":"execute","stmt":{"sql_id":4}}]}',
    ]) {
      expect(await status(body)).toBe(400);
    }
    expect((await pipeline(server.url, [], { baton: "stale" })).status).toBe(400);
    expect((await fetch(`${server.url}/elsewhere`, { headers })).status).toBe(404);
  });

  it("names the port that is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    stops.push(() => new Promise<void>((resolve) => other.close(() => resolve())));
    const { port } = other.address() as { port: number };
    const refused = startLibsql({ file, token, port });
    await expect(refused).rejects.toBeInstanceOf(PortTakenError);
    await expect(refused).rejects.toMatchObject({ port });
  });
});
