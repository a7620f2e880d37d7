import { createClient } from "@libsql/client";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createBoundedMap, createSharedBound } from "../src/bounded-map.ts";
import { quietLogger } from "../src/baileys/logger.ts";
import { whatsappId } from "../src/content/whatsapp-ids.ts";
import { readConfig } from "../src/config.ts";
import { createLogger } from "../src/log.ts";
import { openFile } from "../src/store/file-client.ts";
import { createWriter } from "../src/store/writer.ts";
import { createGate } from "../src/session/gate.ts";
import { makeKeys } from "./support/fake-edge.ts";

describe("configuration", async () => {
  const keys = await makeKeys();
  const good = {
    PUBLIC_URL: "http://127.0.0.1:8080/",
    EDGE_URL: "https://edge.example",
    LIBSQL_URL: "file:connector.db",
    STORE_KEYS: keys.store,
    CONNECTOR_TOKEN_PRIVATE_KEY: keys.connector.privateJwk,
    EDGE_TOKEN_PUBLIC_KEY: keys.edge.publicJwk,
    CONNECTOR_SEAL_PRIVATE_KEY: keys.sealing.privateJwk,
    QSTASH_CURRENT_SIGNING_KEY: "a",
    QSTASH_NEXT_SIGNING_KEY: "b",
  };

  test("has defaults for what need not be said", () => {
    expect(readConfig(good, "my.host")).toMatchObject({
      host: "127.0.0.1",
      port: 8080,
      metricsPort: 0,
      connectorId: "my-host",
      publicUrl: "http://127.0.0.1:8080",
      leaseMs: 15_000,
      sessionCapacity: 500,
      whatsapp: { wsUrl: "wss://web.whatsapp.com/ws/chat", rootKey: undefined, isSimulated: false },
    });
    expect(readConfig({ ...good, FLY_MACHINE_ID: "m1" }, "h").connectorId).toBe("m1");
    expect(readConfig({ ...good, FLY_MACHINE_ID: "m1", CONNECTOR_ID: "c1" }, "h").connectorId).toBe("c1");
  });

  test.each([
    [{}, "http://127.0.0.1:8080"],
    [{ HOST: "::1", PORT: "81" }, "http://[::1]:81"],
    [{ HOST: "::", FLY_MACHINE_ID: "m1", FLY_APP_NAME: "sandi" }, "http://m1.vm.sandi.internal:8080"],
    [{ FLY_MACHINE_ID: "m1", FLY_APP_NAME: "sandi", INTERNAL_URL: "http://10.0.0.1:80/" }, "http://10.0.0.1:80"],
  ])("knows where the other connectors reach this one (%j)", (environment, url) => {
    expect(readConfig({ ...good, ...environment }, "h").internalUrl).toBe(url);
  });

  test.each([
    [{ PUBLIC_URL: "" }, "PUBLIC_URL: is missing"],
    [{ EDGE_URL: "ftp://x" }, "EDGE_URL: must be an http or https URL"],
    [{ PORT: "http" }, "PORT: "],
    [{ METRICS_PORT: "70000" }, "METRICS_PORT: "],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector" }, "OTEL_EXPORTER_OTLP_ENDPOINT: must be an http or https URL"],
    [{ OTEL_EXPORTER_OTLP_HEADERS: "secret-text" }, "OTEL_EXPORTER_OTLP_HEADERS: must read name=value"],
    [{ OTEL_TRACES_SAMPLER_ARG: "2" }, "OTEL_TRACES_SAMPLER_ARG: "],
    [{ LIBSQL_URL: "postgres://x" }, "LIBSQL_URL: must start with file:"],
    [{ STORE_KEYS: "secret-text" }, "STORE_KEYS: must read kid:base64url"],
    [
      { CONNECTOR_TOKEN_PRIVATE_KEY: keys.edge.publicJwk },
      "CONNECTOR_TOKEN_PRIVATE_KEY: must be an Ed25519 private JWK",
    ],
    [{ EDGE_TOKEN_PUBLIC_KEY: keys.edge.privateJwk }, "EDGE_TOKEN_PUBLIC_KEY: must be an Ed25519 public JWK"],
    [
      { CONNECTOR_SEAL_PRIVATE_KEY: keys.connector.privateJwk },
      "CONNECTOR_SEAL_PRIVATE_KEY: must be a P-256 private JWK",
    ],
    [{ WHATSAPP_WS_URL: "nonsense" }, "WHATSAPP_WS_URL: must be a ws or wss URL"],
    [{ WHATSAPP_WS_URL: "wss://example.com/ws" }, "WHATSAPP_WS_URL: must be wss://web.whatsapp.com or on loopback"],
    [{ WHATSAPP_WS_URL: "ws://web.whatsapp.com/ws" }, "WHATSAPP_WS_URL: must be wss://web.whatsapp.com or on loopback"],
    [
      { WHATSAPP_WS_URL: "ws://127.0.0.1.example.com/" },
      "WHATSAPP_WS_URL: must be wss://web.whatsapp.com or on loopback",
    ],
    [{ WHATSAPP_ROOT_KEY: "ab".repeat(32) }, "WHATSAPP_ROOT_KEY: is for a loopback WHATSAPP_WS_URL only"],
    [{ WHATSAPP_WS_URL: "ws://127.0.0.1:1", WHATSAPP_ROOT_KEY: "abc" }, "WHATSAPP_ROOT_KEY: must be 32 bytes in hex"],
  ])("refuses %o by name", (change, message) => {
    const environment = { ...good, ...change };
    const values = Object.values(change).filter((value) => value.length > 3);
    let said = "";
    try {
      readConfig(environment, "h");
    } catch (error) {
      said = String(error);
    }
    expect(said).toContain(message);
    expect(values.filter((value) => !message.includes(value) && said.includes(value))).toEqual([]);
  });

  const texts: Record<string, string> = {
    ...good,
    INTERNAL_URL: "http://10.0.0.1",
    LIBSQL_AUTH_TOKEN: "token-of-libsql",
    QSTASH_CURRENT_SIGNING_KEY: "signing-current",
    QSTASH_NEXT_SIGNING_KEY: "signing-next",
    WHATSAPP_WS_URL: "wss://web.whatsapp.com/ws/chat",
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example.com",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer 1,team=a",
  };

  test.each(Object.keys(texts))("names %s with quotes, line breaks or spaces around it, and not its value", (name) => {
    const value = texts[name] ?? "";
    const isKey = /STORE_KEYS|_TOKEN_P|_SEAL_/.test(name);
    for (const [text, flaw] of [
      [`"${value}"`, "has quotes around it"],
      [`'${value}'\n`, "has quotes around it"],
      // Spaces around JWKs and key rings are of no account.
      ...(isKey ? [] : [[`${value}\n`, "has a line break in it"]]),
      ...(isKey ? [] : [[` ${value}`, "has a space before or behind it"]]),
    ]) {
      const read = () => readConfig({ ...texts, [name]: text }, "h");
      expect(read).toThrow(`${name}: ${flaw}`);
      expect(read).not.toThrow(value);
    }
    expect(() => readConfig(texts, "h")).not.toThrow();
    expect(readConfig({ ...texts, LIBSQL_URL: "file:/My Files/a.db" }, "h").database.url).toBe("file:/My Files/a.db");
  });

  test("takes another root key for a simulated WhatsApp on loopback", () => {
    const simulated = { WHATSAPP_WS_URL: "ws://127.0.0.1:9/ws/chat", WHATSAPP_ROOT_KEY: "ab".repeat(32) };
    expect(readConfig({ ...good, ...simulated }, "h").whatsapp).toMatchObject({ isSimulated: true });
  });
});

const insertion = (v: string) => ({ sql: "INSERT INTO t (v) VALUES (?)", args: [v] });

describe("the writer", () => {
  test("puts what comes in one turn into one transaction, in order", async () => {
    const client = openFile("file::memory:");
    const sizes: number[] = [];
    const writer = createWriter({
      execute: client.execute,
      close: client.close,
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
    client.close();
  });

  test("one bad write fails alone", async () => {
    const client = openFile("file::memory:");
    const writer = createWriter(client);
    await writer.write(["CREATE TABLE t (v TEXT UNIQUE)"]);
    const insert = (v: string) => writer.write([{ sql: "INSERT INTO t (v) VALUES (?)", args: [v] }]);
    const outcomes = await Promise.allSettled([insert("a"), insert("a"), insert("b")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await client.execute("SELECT v FROM t")).rows).toHaveLength(2);
    client.close();
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
    client.close();
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
    client.close();
    await rm(folder, { recursive: true });
  });
});

describe("logs", () => {
  test("mask numbers and drop what is secret", () => {
    const lines: string[] = [];
    const logger = createLogger("debug", "test", { write: (line: string) => void lines.push(line) });
    logger.info(
      {
        code: "123456",
        deep: { text: "hello there", jid: "628120000@s.whatsapp.net" },
        error: new Error("for 6281200000001"),
      },
      "said",
    );
    quietLogger(logger).error(
      { jid: "6281200000001@lid", err: new Error("bad 123456"), node: { secret: "hello there" } },
      "failed for 6281200000001",
    );
    quietLogger(logger).info({ text: "hello there" }, "chatter");
    const all = lines.join("");
    for (const secret of ["123456", "hello there", "6281200000001"]) expect(all).not.toContain(secret);
    expect(all).toContain("failed for …");
  });
});

test("a message keeps its WhatsApp id, in the form that Baileys gives them", () => {
  expect(whatsappId("msg_1")).toMatch(/^3EB0[0-9A-F]{18}$/);
  expect(whatsappId("msg_1")).toBe(whatsappId("msg_1"));
  expect(whatsappId("msg_1")).not.toBe(whatsappId("msg_2"));
});

test("a bounded map keeps what was used last, and nothing for too long", () => {
  let time = 0;
  const map = createBoundedMap<number>(2, 100, () => time);
  map.set("a", 1);
  map.set("b", 2);
  expect(map.get("a")).toBe(1);
  map.set("c", 3);
  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, undefined, 3]);
  time = 100;
  expect(map.get("a")).toBeUndefined();
});

test("maps of one bound keep what was used last in any of them, and clear their own", () => {
  const make = createSharedBound<number>(3);
  const [one, other] = [make(), make()];
  one.set("a", 1);
  other.set("a", 2);
  one.set("b", 3);
  expect([one.get("a"), other.get("a")]).toEqual([1, 2]);
  other.set("c", 4);
  expect([one.get("a"), one.get("b"), other.get("a"), other.get("c")]).toEqual([1, undefined, 2, 4]);
  other.delete("a");
  expect([one.get("a"), other.get("a")]).toEqual([1, undefined]);
  other.clear();
  expect([one.get("a"), other.get("c")]).toEqual([1, undefined]);
});

test("the gate lets so many in at once, and each leaves once", () => {
  const gate = createGate(2);
  const inside: string[] = [];
  const leave = new Map<string, () => void>();
  for (const name of ["a", "b", "c", "d"]) gate.enter("ws_1", (out) => (inside.push(name), leave.set(name, out)));
  expect(inside).toEqual(["a", "b"]);
  leave.get("a")!();
  leave.get("a")!();
  expect(inside).toEqual(["a", "b", "c"]);
});

test("logins of one workspace that hang leave room at the gate, and the fewest go first", () => {
  const gate = createGate(3, 2);
  const inside: string[] = [];
  const leave = new Map<string, () => void>();
  const enter = (name: string) => gate.enter(name[0]!, (out) => (inside.push(name), leave.set(name, out)));
  for (const name of ["a1", "a2", "a3", "a4"]) enter(name);
  expect(inside).toEqual(["a1", "a2"]);
  for (const name of ["b1", "b2", "c1"]) enter(name);
  expect(inside).toEqual(["a1", "a2", "b1"]);
  leave.get("a1")!();
  expect(inside.at(-1)).toBe("c1");
  leave.get("a2")!();
  leave.get("c1")!();
  expect(inside.slice(4)).toEqual(["a3", "b2"]);
});
