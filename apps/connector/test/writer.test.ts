import { createClient } from "@libsql/client";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openFile } from "../src/store/file-client.ts";
import { createWriter } from "../src/store/writer.ts";

const insertion = (v: string) => ({ sql: "INSERT INTO t (v) VALUES (?)", args: [v] });

describe("the writer", () => {
  test("puts what comes in one turn into one transaction, in order", async () => {
    const client = openFile("file::memory:");
    const sizes: number[] = [];
    const writer = createWriter({
      execute: client.execute,
      close: () => client.close(),
      batch: (statements, mode) => {
        sizes.push(statements.length);
        return client.batch(statements, mode);
      },
    });
    await writer.write(["CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)"]);
    await Promise.all(
      Array.from({ length: 10 }, (_, i) => writer.write([{ sql: "INSERT INTO t (v) VALUES (?)", args: [`v${i}`] }])),
    );
    expect(sizes).toEqual([1, 10]);
    const { rows } = await client.execute("SELECT v FROM t ORDER BY id");
    expect(rows.map(({ v }) => v)).toEqual(Array.from({ length: 10 }, (_, i) => `v${i}`));
    await client.close();
  });

  test("one bad write fails alone", async () => {
    const client = openFile("file::memory:");
    const writer = createWriter(client);
    await writer.write(["CREATE TABLE t (v TEXT UNIQUE)"]);
    const insert = (v: string) => writer.write([{ sql: "INSERT INTO t (v) VALUES (?)", args: [v] }]);
    const outcomes = await Promise.allSettled([insert("a"), insert("a"), insert("b")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await client.execute("SELECT v FROM t")).rows).toHaveLength(2);
    await client.close();
  });

  test("a write that throws while it is made or answered fails alone, and is stored at most once", async () => {
    const client = openFile("file::memory:");
    const writer = createWriter(client);
    await writer.write(["CREATE TABLE t (v TEXT)"]);
    const unmade = writer.bulk<string, void>({
      statements() {
        throw new Error("unmade");
      },
      results: () => [],
    });
    const unanswered = writer.bulk<string, void>({
      statements: (items) => items.map(insertion),
      results() {
        throw new Error("unanswered");
      },
    });
    const outcomes = await Promise.allSettled([
      unmade("a"),
      unmade("b"),
      unanswered("c"),
      writer.write([insertion("d")]),
    ]);
    expect(outcomes.map((outcome) => (outcome.status === "rejected" ? String(outcome.reason) : "stored"))).toEqual([
      "Error: unmade",
      "Error: unmade",
      "Error: unanswered",
      "stored",
    ]);
    await writer.write([insertion("e")]);
    await writer.settled();
    expect((await client.execute("SELECT v FROM t")).rows.map(({ v }) => v)).toEqual(["c", "d", "e"]);
    await client.close();
  });

  test("a file reads the same through libSQL's own client", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sandi-file-"));
    const client = openFile(`file:${folder}/a.db`);
    await client.batch(
      ["CREATE TABLE t (n INTEGER, r REAL, s TEXT)", { sql: "INSERT INTO t VALUES (?, ?, ?)", args: [1, 0.5, "é"] }],
      "write",
    );
    await expect(
      client.batch(["INSERT INTO t VALUES (2, 2, '2')", "INSERT INTO nowhere VALUES (1)"], "write"),
    ).rejects.toThrow();
    const libsql = createClient({ url: `file:${folder}/a.db` });
    const { rows } = await libsql.execute("SELECT *, typeof(n) AS kind FROM t");
    expect(rows.map(({ n, r, s, kind }) => [n, r, s, kind])).toEqual([[1, 0.5, "é", "integer"]]);
    libsql.close();
    await client.close();
    await rm(folder, { recursive: true });
  });
});
