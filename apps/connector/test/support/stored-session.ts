import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { acquireLeases } from "../../src/store/leases.ts";
import { storeDesiredState } from "../../src/store/sessions.ts";
import { openStore } from "../../src/store/store.ts";
import { newId, workspaceId } from "./rig.ts";

/** A store in a folder of its own, with one session whose lease is acquired. Both end with the test. */
export async function storedSession(now: Date) {
  const folder = await mkdtemp(join(tmpdir(), "sandi-limits-"));
  const store = await openStore({ url: `file:${join(folder, "connector.db")}`, authToken: undefined }, now);
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const sessionId = newId("ses");
  await storeDesiredState(store, { sessionId, workspaceId, desired: "running", revision: 1 }, now);
  const lease = { owner: "a", run: "a", now, leaseMs: 1, includeOwn: false, limit: 1 };
  const [row] = await acquireLeases(store, lease);
  return { store, fence: { sessionId, fence: row!.fence } };
}
