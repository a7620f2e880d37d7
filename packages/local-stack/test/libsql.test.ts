import { type Client, createClient as createHttpClient, LibsqlError } from "@libsql/client/http";
import { createClient as createWebClient } from "@libsql/client/web";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startLibsql } from "../src/libsql/server.ts";
import { type Running, sqldProgram, startSqld, temporaryFolder } from "../src/real-servers.ts";

async function startOurs(): Promise<Running> {
  const folder = await temporaryFolder();
  const server = await startLibsql({ file: join(folder.path, "data", "test.db"), token: "t" });
  return { url: server.url, authToken: "t", stop: () => server.close().then(() => folder.remove()) };
}

const credentials = ({ url, authToken }: Running) => (authToken === undefined ? { url } : { url, authToken });

const sqld = sqldProgram();
const servers: { name: string; start: () => Promise<Running> }[] = [
  { name: "the emulator", start: startOurs },
  ...(sqld === undefined ? [] : [{ name: "sqld", start: () => startSqld(sqld) }]),
];
const clients = [
  { kind: "http", create: createHttpClient },
  { kind: "web", create: createWebClient },
];

const matrix = servers.flatMap(({ name, start }) => clients.map(({ kind, create }) => ({ name, kind, start, create })));

const codeOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LibsqlError);
  return (error as LibsqlError).code;
};

describe.each(matrix)("$name with the $kind client", ({ start, create }) => {
  let server: Running;
  let client: Client;
  let table: string;

  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    client = create({ ...credentials(server), concurrency: 0 });
    table = `t_${randomUUID().replaceAll("-", "")}`;
    await client.execute(
      `CREATE TABLE ${table} (id INTEGER PRIMARY KEY, name TEXT UNIQUE, state TEXT, n REAL, data BLOB)`,
    );
    return () => client.close();
  });

  const count = async () => Number((await client.execute(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.["n"]);

  it("answers each of the clients that are made of one configuration, also after another one is closed", async () => {
    const config = { ...credentials(server), concurrency: 0 };
    const [first, second] = [create(config), create(config)];
    await first.execute(`INSERT INTO ${table} (name) VALUES ('a')`);
    first.close();
    await second.batch([`INSERT INTO ${table} (name) VALUES ('b')`], "write");
    second.close();
    expect(await count()).toBe(2);
    await expect(first.execute("SELECT 1")).rejects.toThrow();
  });

  it("stores and returns every type of value", async () => {
    const data = Uint8Array.from([0, 1, 254, 255]);
    await client.execute({
      sql: `INSERT INTO ${table} VALUES (?, ?, ?, ?, ?)`,
      args: [9_007_199_254_740_991, "é“🙂", null, 1.5, data],
    });
    const { rows, columns } = await client.execute(`SELECT * FROM ${table}`);
    expect(columns).toEqual(["id", "name", "state", "n", "data"]);
    expect(rows[0]).toMatchObject({ id: 9_007_199_254_740_991, name: "é“🙂", state: null, n: 1.5 });
    expect(new Uint8Array(rows[0]?.["data"] as ArrayBuffer)).toEqual(data);
  });

  it("keeps integers that are too large for a number", async () => {
    const big = create({ ...credentials(server), intMode: "bigint" });
    const { rows } = await big.execute({
      sql: "SELECT ? AS v, typeof(?) AS kind",
      args: [9_223_372_036_854_775_807n, 1n],
    });
    expect(rows[0]).toMatchObject({ v: 9_223_372_036_854_775_807n, kind: "integer" });
    big.close();
  });

  it("stores a single blob and an empty text", async () => {
    const { rows } = await client.execute({ sql: "SELECT ? AS v", args: [Uint8Array.from([7])] });
    expect(new Uint8Array(rows[0]?.["v"] as ArrayBuffer)).toEqual(Uint8Array.from([7]));
    expect((await client.execute({ sql: "SELECT ? AS v", args: [""] })).rows[0]?.["v"]).toBe("");
  });

  it("answers rows that have values by name and by index, and list only the names", async () => {
    const { rows } = await client.execute("SELECT 'a' AS one, 'b' AS one, 'c' AS length, 'd' AS toString, 5");
    const [row] = rows;
    expect([row?.length, row?.[0], row?.[1], row?.[4], row?.["one"], row?.["toString"]]).toEqual([
      5,
      "a",
      "b",
      5,
      "a",
      "d",
    ]);
    expect(Object.keys(row ?? {})).toEqual(expect.not.arrayContaining(["0", "1", "2", "length"]));
    expect(Array.from(row ?? [])).toEqual(["a", "b", "c", "d", 5]);
  });

  it("returns the number of changed rows and the row's id", async () => {
    const inserted = await client.execute(`INSERT INTO ${table} (name) VALUES ('a')`);
    expect(inserted).toMatchObject({ rowsAffected: 1, lastInsertRowid: 1n });
    expect((await client.execute(`UPDATE ${table} SET n = 1 WHERE id = 99`)).rowsAffected).toBe(0);
    expect((await client.execute(`SELECT * FROM ${table}`)).rowsAffected).toBe(0);
  });

  it("reports changed rows for what writes rows only, also behind WITH", async () => {
    const insert = {
      sql: `WITH given(name) AS (VALUES ('a'), ('b')) INSERT INTO ${table} (name) SELECT name FROM given`,
    };
    const transaction = await client.transaction("write");
    expect(await transaction.execute(insert)).toMatchObject({ rowsAffected: 2, lastInsertRowid: 2n });
    const none = { rowsAffected: 0, lastInsertRowid: undefined };
    expect(await transaction.execute("SAVEPOINT s")).toMatchObject(none);
    expect(await transaction.execute(`WITH w AS (SELECT 1 AS n) SELECT n FROM w`)).toMatchObject(none);
    expect(await transaction.execute("RELEASE s")).toMatchObject(none);
    await transaction.commit();
    expect(await client.execute(`UPDATE ${table} SET n = 1 RETURNING id`)).toMatchObject({ rowsAffected: 2 });
    expect(await client.execute(`DELETE FROM ${table}`)).toMatchObject({ rowsAffected: 2 });
  });

  it("keeps whole numbers REAL in a REAL column, and an empty blob a blob", async () => {
    const { rows } = await client.execute({
      sql: `INSERT INTO ${table} (n, data) VALUES (?, ?) RETURNING typeof(n) AS n, typeof(data) AS data, typeof(id) AS id`,
      args: [2n, new Uint8Array(0)],
    });
    expect({ ...rows[0] }).toEqual({ n: "real", data: "blob", id: "integer" });
  });

  it("takes numbered arguments in any order", async () => {
    const { rows } = await client.execute({ sql: "SELECT ?2 AS a, ?1 AS b, ?2 AS again, ? AS next", args: [1, 2, 3] });
    expect({ ...rows[0] }).toEqual({ a: 2, b: 1, again: 2, next: 3 });
  });

  it("returns the rows of RETURNING", async () => {
    const { rows, rowsAffected } = await client.execute(
      `INSERT INTO ${table} (name) VALUES ('a'), ('b') RETURNING id, name`,
    );
    expect(rows.map(({ id, name }) => ({ id, name }))).toEqual([
      { id: 1, name: "a" },
      { id: 2, name: "b" },
    ]);
    expect(rowsAffected).toBe(2);
  });

  it("takes named arguments", async () => {
    const { rows } = await client.execute({
      sql: "SELECT :a AS a, @b AS b, $c AS c, :a AS again",
      args: { a: 1, b: "x", c: null },
    });
    expect({ ...rows[0] }).toEqual({ a: 1, b: "x", c: null, again: 1 });
  });

  it("never fills a missing argument with that of an earlier request", async () => {
    const sql = "SELECT ? AS a, ? AS b";
    await client.execute({ sql, args: [1, "secret of somebody else"] });
    expect(await codeOf(client.execute({ sql, args: [1] }))).toBe("ARGS_INVALID");
  });

  it("reports broken constraints by their code", async () => {
    await client.execute(`INSERT INTO ${table} (id, name) VALUES (1, 'a')`);
    expect(await codeOf(client.execute(`INSERT INTO ${table} (id) VALUES (1)`))).toMatch(
      /^SQLITE_CONSTRAINT(_PRIMARYKEY)?$/,
    );
    expect(await codeOf(client.execute(`INSERT INTO ${table} (name) VALUES ('a')`))).toMatch(
      /^SQLITE_CONSTRAINT(_UNIQUE)?$/,
    );
  });

  it("enforces foreign keys", async () => {
    await client.execute(`CREATE TABLE ${table}_child (parent INTEGER REFERENCES ${table}(id))`);
    expect(await codeOf(client.execute(`INSERT INTO ${table}_child VALUES (77)`))).toMatch(/^SQLITE_CONSTRAINT/);
  });

  it("refuses a text without a statement, or with several", async () => {
    expect(await codeOf(client.execute("SELEC 1"))).toMatch(/SQLITE_ERROR|SQL_PARSE_ERROR/);
    expect(await codeOf(client.execute("SELECT 1; SELECT 2"))).toBe("SQL_MANY_STATEMENTS");
    expect(await codeOf(client.execute(" -- nothing"))).toBe("SQL_NO_STATEMENT");
  });

  it("runs a script, triggers included", async () => {
    await client.executeMultiple(`
      CREATE TRIGGER ${table}_trigger AFTER INSERT ON ${table} BEGIN UPDATE ${table} SET state = 'seen; twice' WHERE id = new.id; END;
      INSERT INTO ${table} (name) VALUES ('a');`);
    expect((await client.execute(`SELECT state FROM ${table}`)).rows[0]?.["state"]).toBe("seen; twice");
  });

  it("sees a column that was added after a statement was prepared", async () => {
    const sql = `SELECT * FROM ${table}`;
    await client.execute(sql);
    await client.execute(`ALTER TABLE ${table} ADD COLUMN late TEXT DEFAULT 'x'`);
    await client.execute(`INSERT INTO ${table} (name) VALUES ('a')`);
    const { columns, rows } = await client.execute(sql);
    expect(columns.at(-1)).toBe("late");
    expect(rows[0]?.["late"]).toBe("x");
    await client.execute(`ALTER TABLE ${table} RENAME COLUMN late TO later`);
    expect((await client.execute(sql)).columns.at(-1)).toBe("later");
  });

  it("stores a whole batch or nothing of it", async () => {
    const insert = (name: string) => ({ sql: `INSERT INTO ${table} (name) VALUES (?)`, args: [name] });
    expect(await codeOf(client.batch([insert("a"), insert("b"), insert("a")], "write"))).toMatch(/^SQLITE_CONSTRAINT/);
    expect(await count()).toBe(0);
    const results = await client.batch([insert("a"), insert("b"), `SELECT count(*) AS n FROM ${table}`], "write");
    expect(results[2]?.rows[0]?.["n"]).toBe(2);
  });

  it("stores a text on the server only when a batch repeats it", async () => {
    const asked: string[][] = [];
    const watched = create({
      ...credentials(server),
      concurrency: 0,
      fetch: (url: string, init: RequestInit) => {
        const { requests } = JSON.parse(init.body as string) as { requests: { type: string }[] };
        asked.push(requests.map(({ type }) => type));
        return fetch(url, init);
      },
    });
    const insert = (name: string) => ({ sql: `INSERT INTO ${table} (name) VALUES (?)`, args: [name] });
    const counted = `SELECT count(*) AS n FROM ${table}`;
    await watched.batch([insert("a"), counted], "write");
    const results = await watched.batch([insert("b"), insert("c"), insert("d"), counted], "write");
    expect(results.at(-1)?.rows[0]?.["n"]).toBe(4);
    const transaction = await watched.transaction("write");
    await transaction.batch([insert("e"), insert("f"), counted]);
    await transaction.batch([insert("g"), counted]);
    await transaction.commit();
    expect(await count()).toBe(7);
    expect(asked).toEqual([
      ["batch", "close"],
      ["store_sql", "batch", "close"],
      ["store_sql", "batch"],
      ["batch"],
      ["execute", "close"],
    ]);
    watched.close();
  });

  it("upserts through a partial unique index: one pending row, then a resend, then none during the cooldown", async () => {
    await client.executeMultiple(`
      CREATE TABLE v_${table} (id TEXT PRIMARY KEY, ws TEXT, dest TEXT, status TEXT, sends_left INT, next_send_at INT);
      CREATE UNIQUE INDEX one_${table} ON v_${table}(ws, dest) WHERE status = 'pending';`);
    const createOrResend = (id: string, now: number) =>
      client.execute({
        sql: `INSERT INTO v_${table} VALUES (:id, 'ws', 'to', 'pending', 4, :now + 30)
          ON CONFLICT(ws, dest) WHERE status = 'pending'
          DO UPDATE SET sends_left = sends_left - 1, next_send_at = :now + 30 WHERE sends_left > 0 AND next_send_at <= :now
          RETURNING id, sends_left, (id = :id) AS created`,
        args: { id, now },
      });
    expect({ ...(await createOrResend("a", 0)).rows[0] }).toEqual({ id: "a", sends_left: 4, created: 1 });
    expect((await createOrResend("b", 10)).rows).toEqual([]);
    expect({ ...(await createOrResend("c", 30)).rows[0] }).toEqual({ id: "a", sends_left: 3, created: 0 });
    await client.execute(`UPDATE v_${table} SET status = 'approved'`);
    expect({ ...(await createOrResend("d", 31)).rows[0] }).toEqual({ id: "d", sends_left: 4, created: 1 });
  });

  it("counts a change in a later statement of the same batch", async () => {
    await client.execute(`INSERT INTO ${table} (id, name) VALUES (1, 'a')`);
    const touch = (id: number) => [
      { sql: `UPDATE ${table} SET state = 'x' WHERE id = ?`, args: [id] },
      `INSERT INTO ${table} (name) SELECT 'copy' WHERE changes() = 1`,
    ];
    await client.batch(touch(2), "write");
    expect(await count()).toBe(1);
    await client.batch(touch(1), "write");
    expect(await count()).toBe(2);
  });

  it("grants one of 20 simultaneous claims", async () => {
    await client.execute(`INSERT INTO ${table} (id, state) VALUES (1, 'queued')`);
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        client.batch(
          [{ sql: `UPDATE ${table} SET state = ? WHERE id = 1 AND state = 'queued' RETURNING id`, args: [`w${n}`] }],
          "write",
        ),
      ),
    );
    expect(claims.filter(([result]) => result?.rows.length === 1)).toHaveLength(1);
  });

  it("shows the changes of a transaction after its commit only", async () => {
    const transaction = await client.transaction("write");
    await transaction.execute(`INSERT INTO ${table} (name) VALUES ('a')`);
    expect((await transaction.execute(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.["n"]).toBe(1);
    expect(await count()).toBe(0);
    await transaction.commit();
    expect(await count()).toBe(1);
  });

  it("stores nothing of a transaction that is rolled back or closed", async () => {
    for (const end of ["rollback", "close"] as const) {
      const transaction = await client.transaction("write");
      await transaction.execute(`INSERT INTO ${table} (name) VALUES ('a')`);
      await transaction[end]();
    }
    await client.execute(`INSERT INTO ${table} (name) VALUES ('b')`);
    expect(await count()).toBe(1);
  });

  it("lets writers wait for an open transaction, in turn", async () => {
    const transaction = await client.transaction("write");
    await transaction.execute(`INSERT INTO ${table} (name) VALUES ('first')`);
    const waiting = Array.from({ length: 8 }, (_, n) => client.execute(`INSERT INTO ${table} (name) VALUES ('w${n}')`));
    await transaction.commit();
    await Promise.all(waiting);
    expect(await count()).toBe(9);
  });

  it("describes a statement and the state of its stream", async () => {
    const response = await fetch(`${server.url}/v3/pipeline`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${server.authToken ?? ""}` },
      body: JSON.stringify({
        baton: null,
        requests: [
          { type: "store_sql", sql_id: 1, sql: `SELECT id FROM ${table} WHERE name = :name` },
          { type: "describe", sql_id: 1 },
          { type: "execute", stmt: { sql: "BEGIN" } },
          { type: "get_autocommit" },
          { type: "close_sql", sql_id: 1 },
          { type: "close" },
        ],
      }),
    });
    const { baton, results } = (await response.json()) as {
      baton: unknown;
      results: { response: Record<string, unknown> }[];
    };
    expect(baton).toBeNull();
    expect(results[1]?.response["result"]).toMatchObject({
      params: [{ name: ":name" }],
      cols: [{ name: "id", decltype: "INTEGER" }],
      is_readonly: true,
      is_explain: false,
    });
    expect(results[3]?.response["is_autocommit"]).toBe(false);
  });
});
