import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeAtRest } from "@sandi/crypto/node";
import { boundedCredentials } from "../src/store/bounded-credentials.ts";
import { type Credentials, credentialStore } from "../src/store/credentials.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { text } from "../src/store/row.ts";
import { storeDesiredState } from "../src/store/sessions.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { newId, workspaceId } from "./support/rig.ts";

let store: Store;
let credentials: Credentials;
beforeEach(async () => {
  store = await openStore({ url: "file::memory:", authToken: undefined }, new Date());
  const sessionId = newId("ses");
  const now = new Date();
  await storeDesiredState(store, { sessionId, workspaceId, desired: "running", revision: 1 }, now);
  const [row] = await acquireLeases(store, {
    owner: "a",
    run: "a.1",
    now,
    leaseMs: 60_000,
    includeOwn: false,
    limit: 1,
  });
  const open = boundedCredentials(
    credentialStore(store, (id) => `p${id}`),
    store,
    { uncounted: 10, perWrite: 20, total: 50 },
  );
  const atRest = nodeAtRest(createKeyRing(generateKeyText("k1", webRandom)), sessionId, webRandom);
  credentials = open({ sessionId, fence: row!.fence }, atRest);
});
afterEach(() => store.close());

let people = 0;
const tell = (count: number, kind = "lid-mapping") =>
  credentials.write(Array.from({ length: count }, () => ({ kind, id: `${people++}`, value: '"a"' })));
async function storedRows(kind = "lid-mapping"): Promise<number> {
  const sql = "SELECT count(*) AS kept FROM credential WHERE kind = ?";
  return Number((await store.client.execute({ sql, args: [kind] })).rows[0]?.["kept"]);
}

test("a phone that reports endless people fills neither one write nor the database", async () => {
  await tell(10);
  expect(await storedRows()).toBe(10);
  await tell(1000);
  expect(await storedRows()).toBe(30);
  for (let i = 0; i < 5; i++) await tell(1000);
  expect(await storedRows()).toBe(50);
  await tell(5, "tctoken");
  expect(await storedRows("tctoken")).toBe(0);
});

test("keys of chats are always stored, and deleted rows free space for others", async () => {
  for (let i = 0; i < 5; i++) await tell(1000);
  await tell(30, "session");
  expect([await storedRows(), await storedRows("session")]).toEqual([50, 30]);
  const { rows } = await store.client.execute("SELECT key_id FROM credential WHERE kind = 'lid-mapping' LIMIT 10");
  const gone = rows.map((row) => ({ kind: "lid-mapping", id: text(row, "key_id").slice(1), value: null }));
  await credentials.write(gone);
  expect(await storedRows()).toBe(40);
  await tell(1000);
  expect(await storedRows()).toBe(50);
});
