import { existsSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "./support/fake-edge.ts";
import { openFile, type StoreClient } from "../src/store/file-client.ts";

let folder: string;
let path: string;
let client: StoreClient;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sandi-checkpoints-"));
  path = join(folder, "connector.db");
  client = openFile(`file:${path}`);
  await client.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, value BLOB)");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const value = new Uint8Array(41_000).fill(1);
/** Each commit adds more than ten pages to the WAL. */
const bytesOfCommit = 40_960;
/** Here SQLite itself would make a checkpoint, on the main thread. */
const ownCheckpoint = 80_000_000;

/** Commits as fast as a busy connector: about one a millisecond. */
async function commit(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await client.batch([{ sql: "INSERT OR REPLACE INTO row VALUES (?, ?)", args: [i, value] }], "write");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test("the WAL starts again from its beginning while writes go on", async () => {
  await commit(200);
  await until("the thread has made a checkpoint", () => statSync(path).size > 200 * 41_000);
  let [written, size] = [0, 0];
  while (size < ownCheckpoint && written <= size) {
    await commit(100);
    written += 100 * bytesOfCommit;
    ({ size } = statSync(`${path}-wal`));
  }
  await client.close();
  expect(size).toBeLessThan(ownCheckpoint);
});

test("closing leaves no thread, no WAL, and every row", async () => {
  await commit(300);
  await client.close();
  expect(existsSync(`${path}-wal`)).toBe(false);
  expect(process.getActiveResourcesInfo()).not.toContain("MessagePort");
  const db = new DatabaseSync(path, { readOnly: true });
  expect(db.prepare("SELECT count(*) AS kept, min(length(value)) AS size FROM row").get()).toEqual({
    kept: 300,
    size: value.length,
  });
  db.close();
});
