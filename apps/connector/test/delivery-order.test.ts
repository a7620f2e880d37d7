import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDeliveries, type Deliveries } from "../src/deliveries/deliveries.ts";
import { systemServices } from "../src/services.ts";
import { nodeAtRest } from "@sandi/crypto/node";
import { createChats } from "../src/store/chats.ts";
import { rank } from "../src/store/ledger.ts";
import { readOutbox } from "../src/store/outbox.ts";
import { type Fence } from "../src/store/fence.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { storeDesiredState } from "../src/store/sessions.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { newId, workspaceId } from "./support/rig.ts";

const jid = "6281300000001@s.whatsapp.net";
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const pseudonym = (text: string) => `p${text}`;

let folder: string;
let store: Store;
let fence: Fence;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sandi-order-"));
  store = await openStore({ url: `file:${join(folder, "connector.db")}`, authToken: undefined }, new Date());
  const sessionId = newId("ses");
  await storeDesiredState(store, { sessionId, workspaceId, desired: "running", revision: 1 }, new Date());
  const lease = { owner: "a", run: "a.1", now: new Date(), leaseMs: 60_000, includeOwn: false, limit: 1 };
  const [row] = await acquireLeases(store, lease);
  fence = { sessionId, fence: row!.fence };
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const keys = createKeyRing(generateKeyText("k1", webRandom));
function open(on = store): Deliveries {
  return createDeliveries({
    services: systemServices,
    store: on,
    atRest: (sessionId) => nodeAtRest(keys, sessionId, webRandom),
    pseudonym,
    numbered: { begin: () => Promise.resolve() },
    chats: createChats(store, { now: systemServices.now, pseudonym }),
    conversations: { met: () => Promise.reject(new Error("no message goes to a group here")) },
    onAppended() {},
  });
}

const news = ["ack", "delivered", "read", "stranger", "failed", "again"] as const;
type News = (typeof news)[number];

/** What happens at the same time, between restarts or not. */
const history = fc.array(
  fc.record({ at: fc.array(fc.constantFrom(...news), { maxLength: 4 }), restarts: fc.boolean() }),
  {
    minLength: 1,
    maxLength: 6,
  },
);

// oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, as tsc knows
function perform(deliveries: Deliveries, messageId: string, what: News): Promise<unknown> {
  const waId = `3EB0${messageId.slice(4)}`;
  const receipt = (kind: "delivered" | "read", from = jid) =>
    deliveries.receipt(fence, { waIds: [waId], kind, from: [from, `${from}.lid`] });
  switch (what) {
    case "ack":
      return deliveries.sent(fence, waId, null);
    case "delivered":
      return receipt("delivered");
    case "read":
      return receipt("read");
    case "stranger":
      return receipt("read", "6281399999999@s.whatsapp.net");
    case "failed":
      return deliveries.failed(fence, { messageId, waId, reason: "refused", traceparent });
    case "again": {
      const keepUntil = new Date(Date.now() + 60_000);
      const attempt = {
        messageId,
        waId,
        chat: jid,
        message: new Uint8Array([1]),
        keepUntil,
        isPaced: false,
        options: [],
        traceparent,
      };
      return deliveries.begin(fence, attempt);
    }
  }
}

test("late, repeated and reordered events of a message, also around a restart, only go forward, and each is reported once", async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const messageId = newId("msg");
      let deliveries = open();
      await perform(deliveries, messageId, "again");
      for (const { at, restarts } of steps) {
        if (restarts) deliveries = open();
        await Promise.all(at.map((what) => perform(deliveries, messageId, what)));
      }
      const rows = await readOutbox(store, "a.1", { limit: 10_000 });
      const types = rows
        .map(({ body }) => JSON.parse(body) as { type: string; messageId?: string })
        .filter((event) => event.messageId === messageId)
        .map(({ type }) => type.slice("message.".length) as "sent" | "delivered" | "read" | "failed");

      const ranks = types.map((type) => rank[type]);
      expect(ranks).toEqual([...new Set(ranks)].toSorted((a, b) => a - b));
      const all = new Set(steps.flatMap(({ at }) => at));
      const highest =
        (["read", "delivered"] as const).find((each) => all.has(each)) ?? (all.has("ack") ? "sent" : undefined);
      const isFailed = types.includes("failed");
      // When one is reported, the other is not.
      expect(isFailed ? types : [types[0] ?? "sent"]).toEqual([isFailed ? "failed" : "sent"]);
      expect(isFailed ? all.has("failed") : types.at(-1) === highest).toBe(true);
      const entry = await deliveries.find(messageId);
      expect(entry?.rank).toBe(ranks.at(-1) ?? rank.sending);
    }),
    { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 150) },
  );
}, 120_000);

test("a receipt is one read of the database, however many messages its sender names", async () => {
  const [messageId, own] = [newId("msg"), newId("msg")].toSorted();
  await perform(open(), messageId!, "again");
  let reads = 0;
  const { client } = store;
  const counted: Store = {
    ...store,
    client: { ...client, execute: (statement) => (reads++, client.execute(statement)) },
  };
  const deliveries = open(counted);
  const waIds = Array.from({ length: 5000 }, (_, i) => `3EB0${String(i).padStart(18, "0")}`);
  const named = [...waIds, `3EB0${messageId!.slice(4)}`, `3EB0${own!.slice(4)}`, ...waIds];
  await deliveries.receipt(fence, { waIds: named, kind: "read", from: [jid] });
  expect(reads).toBe(1);
  expect((await deliveries.find(messageId!))?.rank).toBe(rank.read);
});
