import { beforeEach, expect, test } from "vitest";
import { readConfig } from "../src/config.ts";
import type { ClientVersion } from "../src/services.ts";
import { createVersions, parseVersion } from "../src/versions.ts";
import { makeKeys } from "./support/fake-edge.ts";

const day = 86_400_000;
const [old, good, newer]: ClientVersion[] = [
  [2, 3000, 1],
  [2, 3000, 2],
  [2, 3000, 3],
];
let time: number;
/** What all connectors share. */
let stored: string | null;
let latest: ClientVersion | null;
let asked: number;

beforeEach(() => {
  [time, stored, latest, asked] = [100 * day, null, null, 0];
});

const connector = (override: ClientVersion | null = null) =>
  createVersions({
    services: {
      now: () => new Date(time),
      async fetchVersion() {
        asked++;
        return latest;
      },
    },
    override,
    find: async () => stored,
    store: async (value) => void (stored = value),
  });
const keep = (version: ClientVersion, goodAt = time) =>
  (stored = JSON.stringify({ version: version.join("."), goodAt }));

test("the version that was good last is named, without asking for a day", async () => {
  keep(good!);
  latest = newer!;
  const versions = connector();
  expect(versions.current()).toBe(null);
  await versions.refresh();
  expect([versions.current(), asked]).toEqual([good, 0]);
  time += day;
  await versions.refresh();
  expect([versions.current(), asked]).toEqual([newer, 1]);
});

test("a newer one is the good one only when a login with it has succeeded", async () => {
  keep(good!, 0);
  latest = newer!;
  const versions = connector();
  await versions.refresh();
  expect(stored).toContain("2.3000.2");
  await versions.accepted(good!);
  expect(stored).toContain("2.3000.2");
  await versions.accepted(versions.current());
  expect(JSON.parse(stored!)).toEqual({ version: "2.3000.3", goodAt: time });
});

test("a version that worked for another connector is used", async () => {
  keep(old!);
  const [one, other] = [connector(), connector()];
  await Promise.all([one.load(), other.load()]);
  latest = newer!;
  expect(await one.refused(old!)).toBe(true);
  await one.accepted(newer!);
  expect(await other.refused(old!)).toBe(true);
  expect([other.current(), asked]).toEqual([newer, 1]);
  const third = connector();
  await third.refresh();
  expect([third.current(), asked]).toEqual([newer, 1]);
});

test("after a refused newer version the good one is used, and the newer one is not tried again", async () => {
  keep(good!, 0);
  latest = newer!;
  const versions = connector();
  await versions.refresh();
  expect(await versions.refused(newer!)).toBe(true);
  expect(versions.current()).toEqual(good);
  time += day;
  await versions.refresh();
  expect([versions.current(), asked]).toEqual([good, 2]);
});

test("one that was refused and then works is tried again", async () => {
  keep(good!);
  latest = newer!;
  const versions = connector();
  time += day;
  await versions.refresh();
  expect(await versions.refused(newer!)).toBe(true);
  // A login with it was running.
  await versions.accepted(newer!);
  time += day;
  await versions.refresh();
  expect(versions.current()).toEqual(newer);
});

test("when the newest is refused too, or cannot be fetched, there is no version to try", async () => {
  keep(good!);
  const versions = connector();
  await versions.load();
  expect(await versions.refused(good!)).toBe(false);
  latest = good!;
  expect(await versions.refused(good!)).toBe(false);
  expect(versions.current()).toEqual(good);
});

test("concurrent refusals fetch once", async () => {
  latest = newer!;
  const versions = connector();
  expect(await Promise.all([versions.refused(null), versions.refused(null)])).toEqual([true, true]);
  expect([versions.current(), asked]).toEqual([newer, 1]);
});

test("an answer that cannot be had is asked for again after an hour, not every minute", async () => {
  const versions = connector();
  for (let minute = 0; minute < 60; minute++) {
    await versions.refresh();
    time += 60_000;
  }
  expect(asked).toBe(1);
  await versions.refresh();
  expect(asked).toBe(2);
});

test("the good one stays good for another day when it is still the newest", async () => {
  keep(good!, time - day);
  latest = good!;
  await connector().refresh();
  expect(JSON.parse(stored!)).toEqual({ version: "2.3000.2", goodAt: time });
});

test("what the operator sets overrides it all", async () => {
  keep(good!, 0);
  latest = newer!;
  const versions = connector(old);
  await versions.refresh();
  expect([versions.current(), await versions.refused(old!)]).toEqual([old, false]);
  await versions.accepted(old!);
  expect([asked, stored]).toEqual([0, keep(good!, 0)]);
});

test("a version that an older Sandi has stored is read", async () => {
  stored = "2.3000.7";
  const versions = connector();
  await versions.load();
  expect(versions.current()).toEqual([2, 3000, 7]);
});

test("WHATSAPP_VERSION is three numbers, or the connector does not start", async () => {
  expect(parseVersion("2.3000.1029384756")).toEqual([2, 3000, 1_029_384_756]);
  const keys = await makeKeys();
  const environment = {
    PUBLIC_URL: "http://127.0.0.1:1",
    EDGE_URL: "http://127.0.0.1:2",
    LIBSQL_URL: "file:a.db",
    STORE_KEYS: keys.store,
    CONNECTOR_TOKEN_PRIVATE_KEY: keys.connector.privateJwk,
    EDGE_TOKEN_PUBLIC_KEY: keys.edge.publicJwk,
    CONNECTOR_SEAL_PRIVATE_KEY: keys.sealing.privateJwk,
    QSTASH_CURRENT_SIGNING_KEY: keys.qstash.current,
    QSTASH_NEXT_SIGNING_KEY: keys.qstash.next,
  };
  expect(readConfig({ ...environment, WHATSAPP_VERSION: "2.3000.5" }, "a").whatsapp.version).toEqual([2, 3000, 5]);
  expect(readConfig(environment, "a").whatsapp.version).toBe(null);
  for (const bad of ["2.3000", "latest", "2.3000.x", "2.3000.1.1", "-2.1.1"]) {
    expect(() => readConfig({ ...environment, WHATSAPP_VERSION: bad }, "a")).toThrow("WHATSAPP_VERSION");
  }
});
