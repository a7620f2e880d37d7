import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@libsql/client";
import { type Generated, sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createDatabase,
  type Database,
  jsonColumns,
  migrate,
  MigrationMismatch,
  pendingMigrations,
} from "../src/index.ts";

interface Schema {
  parcel: { id: Generated<number>; sentTo: string; weightGrams: number | null };
}

const migrations = [
  {
    name: "0001_parcels",
    statements: ["CREATE TABLE parcel (id INTEGER PRIMARY KEY, sent_to TEXT NOT NULL UNIQUE, weight_grams INTEGER)"],
  },
];

const insertParcel = (sentTo: string) =>
  sql<{ id: number }>`INSERT INTO parcel (sent_to) VALUES (${sentTo}) RETURNING id`;

describe("createDatabase", () => {
  let folder: string;
  let client: Client;
  let db: Database<Schema>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sandi-libsql-"));
    client = createClient({ url: `file:${join(folder, "test.db")}` });
    await migrate(client, migrations, new Date(0));
    db = createDatabase<Schema>(client);
  });

  afterEach(async () => {
    db.close();
    await rm(folder, { recursive: true });
  });

  it("reads and writes camelCase over snake_case columns", async () => {
    await db.kysely.insertInto("parcel").values({ sentTo: "Ani", weightGrams: 120 }).execute();
    expect(await db.kysely.selectFrom("parcel").selectAll().execute()).toEqual([
      { id: 1, sentTo: "Ani", weightGrams: 120 },
    ]);
  });

  it("reads the columns of a row as one JSON array, with the same values", async () => {
    await db.kysely.insertInto("parcel").values({ sentTo: `Ani "•" \\ 'x'`, weightGrams: null }).execute();
    await db.kysely.insertInto("parcel").values({ sentTo: '{"a":1}', weightGrams: 1_796_084_465_740 }).execute();
    const columns = { id: "id", sentTo: "sent_to", weightGrams: "weight_grams", half: "weight_grams / 8.0" };
    const plain = sql`SELECT id, sent_to, weight_grams, weight_grams / 8.0 AS half FROM parcel ORDER BY id`;
    const json = sql`SELECT ${jsonColumns<typeof columns>("parcel", columns)} FROM parcel ORDER BY id`;
    const [asColumns, asJson] = await db.read([plain, json]);
    expect(asJson.rows).toHaveLength(2);
    expect(asJson.rows).toEqual(asColumns.rows);
    expect((await json.execute(db.kysely)).rows).toEqual(asColumns.rows);
  });

  it("names tables, columns and aliases in snake_case, and leaves raw SQL as it is written", () => {
    const query = db.kysely
      .selectFrom("parcel as sentParcel")
      .select(["sentParcel.weightGrams as grams", sql`weightGrams`.as("asWritten")])
      .where(sql.ref("sentTo"), "=", "Hadi");
    expect(query.compile().sql).toBe(
      `select "sent_parcel"."weight_grams" as "grams", weightGrams as "as_written" from "parcel" as "sent_parcel" where "sent_to" = ?`,
    );
  });

  it("answers every query of a batch, raw SQL among them, in order and in camelCase", async () => {
    const [inserted, counted] = await db.write([
      db.kysely.insertInto("parcel").values({ sentTo: "Budi", weightGrams: null }).returning(["sentTo"]),
      sql<{ howMany: number }>`SELECT count(*) AS how_many FROM parcel WHERE sent_to = ${"Budi"}`.compile(db.kysely),
    ]);
    expect(inserted.rows).toEqual([{ sentTo: "Budi" }]);
    expect(counted.rows).toEqual([{ howMany: 1 }]);
  });

  it("answers named and nested queries under their names", async () => {
    const { inserted, more, row, none } = await db.write({
      inserted: insertParcel("Eka"),
      more: [insertParcel("Fitri"), { last: insertParcel("Gita") }],
      none: [],
      row: db.kysely.selectFrom("parcel").select("sentTo").where("id", "=", 2),
    });
    expect(inserted.rows).toEqual([{ id: 1 }]);
    const [second, { last }] = more;
    expect([second.rows, last.rows]).toEqual([[{ id: 2 }], [{ id: 3 }]]);
    expect(none).toEqual([]);
    expect(row.rows).toEqual([{ sentTo: "Fitri" }]);
  });

  it("keeps nothing of a batch that fails in the middle", async () => {
    const insert = () => db.kysely.insertInto("parcel").values({ sentTo: "Citra", weightGrams: 1 });
    await expect(db.write([insert(), insert()])).rejects.toMatchObject({
      code: expect.stringContaining("SQLITE_CONSTRAINT"),
    });
    expect(await db.kysely.selectFrom("parcel").selectAll().execute()).toEqual([]);
  });

  it("rolls an interactive transaction back when its function throws", async () => {
    const failing = db.kysely.transaction().execute(async (tx) => {
      await tx.insertInto("parcel").values({ sentTo: "Dewi", weightGrams: 1 }).execute();
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await db.kysely.selectFrom("parcel").selectAll().execute()).toEqual([]);
  });

  it("refuses to bind what SQL has no type for", async () => {
    const odd = db.kysely.insertInto("parcel").values({ sentTo: { a: 1 } as unknown as string, weightGrams: 1 });
    await expect(odd.execute()).rejects.toThrow(TypeError);
  });
});

describe("migrate", () => {
  it("refuses a database whose migrations are unknown or have a gap, and changes nothing", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sandi-libsql-"));
    const client = createClient({ url: `file:${join(folder, "test.db")}` });
    const [first, second, third] = ["1", "2", "3"].map((n) => ({ name: n, statements: [`CREATE TABLE t${n} (id)`] }));
    const tables = async () =>
      (await client.execute("SELECT name FROM sqlite_master WHERE name LIKE 't_'")).rows.length;
    try {
      await migrate(client, [first!, third!], new Date(0));
      await expect(migrate(client, [first!, second!, third!], new Date(0))).rejects.toThrow(MigrationMismatch);
      await expect(migrate(client, [first!, second!], new Date(0))).rejects.toThrow("does not know: 3");
      expect(await tables()).toBe(2);
      expect(await migrate(client, [first!, third!, second!], new Date(0))).toEqual(["2"]);
    } finally {
      client.close();
      await rm(folder, { recursive: true });
    }
  });

  it("applies what is missing once, and nothing of a step that fails", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sandi-libsql-"));
    const client = createClient({ url: `file:${join(folder, "test.db")}` });
    const broken = { name: "0002_broken", statements: ["CREATE TABLE extra (id INTEGER)", "CREATE NONSENSE"] };
    try {
      expect(await pendingMigrations(client, migrations)).toEqual(["0001_parcels"]);
      expect(await migrate(client, migrations, new Date(0))).toEqual(["0001_parcels"]);
      expect(await migrate(client, migrations, new Date(0))).toEqual([]);
      await expect(migrate(client, [...migrations, broken], new Date(0))).rejects.toThrow("0002_broken");
      const { rows } = await client.execute("SELECT name FROM sqlite_master WHERE name = 'extra'");
      expect(rows).toEqual([]);
    } finally {
      client.close();
      await rm(folder, { recursive: true });
    }
  });
});
