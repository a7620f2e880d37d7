import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeAtRest } from "@sandi/crypto/node";
import { credentialStore, readAll } from "../src/store/credentials.ts";
import { createConversations } from "../src/store/conversations.ts";
import { searchTokens } from "../src/inbound/message-words.ts";
import { findLatestChats } from "../src/store/latest-chats.ts";
import { findMessagePage } from "../src/store/message-pages.ts";
import { nextDownloadAt } from "../src/store/downloads.ts";
import { findMessage } from "../src/store/messages.ts";
import { openPseudonyms } from "../src/store/pseudonyms.ts";
import { acquireLeases, borrowSession, releaseLeases } from "../src/store/leases.ts";
import { countLookUps, pauseLookUps } from "../src/store/look-ups.ts";
import { findSession, storeDesiredState } from "../src/store/sessions.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { exportSession, importSession } from "../src/transfer/move-session.ts";
import { newId, workspaceId } from "./support/rig.ts";

const now = new Date(1_000_000);
const keys = createKeyRing(generateKeyText("k1", webRandom));
const services = { now: () => now, newId: (prefix: string) => newId(prefix as "ses"), random: webRandom };
const sessionId = newId("ses");
const atRest = nodeAtRest(keys, sessionId, webRandom);
const moved = {
  sessionId,
  phone: "+6281200000001",
  exportedAt: now.toISOString(),
  values: [["creds", "creds", "theirs"]] as [string, string, string][],
};
let store: Store;

beforeEach(async () => {
  store = await openStore({ url: "file::memory:", authToken: undefined }, now);
  await storeDesiredState(store, { sessionId, workspaceId, desired: "stopped", revision: 1 }, now);
});
afterEach(() => store.close());

const lease = { owner: "a", run: "a.1", now, leaseMs: 15_000, includeOwn: false, limit: 1 };

test("nothing is imported over a login, though no account is known of it", async () => {
  const pseudonym = await openPseudonyms(store, nodeAtRest(keys, "connector", webRandom), webRandom);
  const [row] = await acquireLeases(store, lease);
  const fence = { sessionId, fence: row!.fence };
  await credentialStore(store, pseudonym)(fence, atRest).write([{ kind: "creds", id: "creds", value: "ours" }]);
  await releaseLeases(store, [fence], now);
  await expect(importSession({ store, keys, services }, sessionId, moved)).rejects.toThrow("is linked to an account");
  expect(await readAll(store, sessionId, atRest)).toEqual([["creds", "creds", "ours"]]);
});

test("an import releases the session, whether it succeeds or is refused", async () => {
  await importSession({ store, keys, services }, sessionId, moved);
  expect(await readAll(store, sessionId, atRest)).toEqual(moved.values);
  expect((await findSession(store, sessionId))!.ownerRun).toBeNull();
  await expect(importSession({ store, keys, services }, sessionId, moved)).rejects.toThrow("is linked to an account");
  expect((await findSession(store, sessionId))!.ownerRun).toBeNull();
});

test("a session is lent to one command at a time, and only while no connector runs it", async () => {
  const borrow = (run: string) => borrowSession(store, { sessionId, run, now });
  expect((await borrow("command.1"))?.ownerRun).toBe("command.1");
  expect(await borrow("command.2")).toBeNull();
  const later = { ...lease, now: new Date(now.getTime() + 61_000) };
  const [row] = await acquireLeases(store, later);
  await store.client.execute("UPDATE session SET state = 'online'");
  expect(await borrow("command.3")).toBeNull();
  await store.client.execute("UPDATE session SET state = 'stopped'");
  expect((await borrow("command.4"))!.fence).toBeGreaterThan(row!.fence);
});

test("an exported session is deleted here after the file is written, and not before", async () => {
  const context = { store, keys, services };
  await importSession(context, sessionId, moved);
  await expect(exportSession(context, sessionId, () => Promise.reject(new Error("the disk is full")))).rejects.toThrow(
    "full",
  );
  expect(await readAll(store, sessionId, atRest)).toEqual(moved.values);
  const kept: unknown[] = [];
  await exportSession(context, sessionId, async (session) => {
    expect(await readAll(store, sessionId, atRest)).toEqual(moved.values);
    kept.push(session);
  });
  expect(kept).toEqual([{ ...moved, chats: { conversations: [], messages: [], marks: [] } }]);
  expect(await readAll(store, sessionId, atRest)).toEqual([]);
  const row = await findSession(store, sessionId);
  expect(row).toMatchObject({ state: "ended", reason: "exported", sealedPhone: null, ownerRun: null });
});

test.each([
  ["the same account, under another spelling of its number, keeps its past", "+525512345678", true],
  ["another account starts without the past of the one before", "+525512345679", false],
])("%s, when it is imported", async (_name, phone, isKept) => {
  const context = { store, keys, services };
  await importSession(context, sessionId, { ...moved, phone: "+5215512345678" });
  await pauseLookUps(store, sessionId, new Date(now.getTime() + 1000));
  await exportSession(context, sessionId, async () => undefined);
  await importSession(context, sessionId, { ...moved, phone });
  const { pausedUntil } = await countLookUps(store, sessionId, now);
  expect(pausedUntil !== null).toBe(isKept);
});

test("what people wrote moves with the session, and is deleted here", async () => {
  const context = { store, keys, services };
  const names = { pn: "6281300000002@s.whatsapp.net", lid: "100@lid", group: null, name: "Siti" };
  const chats = {
    conversations: [
      { id: "cht_1", names, mergedInto: null },
      { id: "cht_2", names: { ...names, pn: null }, mergedInto: "cht_1" },
    ],
    messages: [
      {
        id: "msg_1",
        conversationId: "cht_1",
        author: "cht_1",
        type: "text",
        body: { waId: "3A01", content: { type: "text", text: "halo" } },
        eventId: "evt_1",
        receivedAt: 999_000,
        editedAt: null,
        position: "1",
        origin: null,
      },
      {
        id: "msg_2",
        conversationId: "cht_1",
        author: "cht_1",
        type: "image",
        body: { waId: "3A02", content: { type: "image" } },
        eventId: "evt_3",
        receivedAt: 999_100,
        editedAt: null,
        position: "2",
        origin: null,
        download: { state: "pending", mediaId: null, attempts: 2, dueAt: 1_000_000 },
      },
    ],
    marks: [
      {
        kind: "reaction",
        person: "",
        value: { target: "3A01", emoji: "🙏" },
        eventId: "evt_2",
        markedAt: 999_500,
        receivedAt: 999_600,
      },
    ],
  };
  await importSession(context, sessionId, { ...moved, chats });
  const pseudonym = await openPseudonyms(store, nodeAtRest(keys, "connector", webRandom), webRandom);
  expect(await findMessage(store, sessionId, pseudonym("3A01"))).toMatchObject({ id: "msg_1" });
  const tokens = searchTokens(pseudonym, sessionId, "Halo");
  const asked = { chatId: "cht_2", tokens, isInbound: undefined, type: undefined, from: "", before: "~", limit: 10 };
  expect((await findMessagePage(store.client, sessionId, asked)).rows).toMatchObject([{ id: "msg_1" }]);
  const latest = { kind: "person" as const, before: undefined, limit: 10 };
  expect(await findLatestChats(store, sessionId, latest)).toMatchObject([{ id: "cht_1", latest: "2" }]);
  expect(await nextDownloadAt(store, sessionId)).toBe(1_000_000);
  const conversations = createConversations({ store, atRest: () => atRest, pseudonym, services });
  const found = await conversations.met({ sessionId, fence: 0 }, { lid: "100@lid" });
  expect(found).toMatchObject({ conversation: { id: "cht_1", names }, statements: [] });
  expect((await conversations.find(sessionId, ["cht_2"])).get("cht_2")?.id).toBe("cht_1");
  const kept: unknown[] = [];
  await exportSession(context, sessionId, (session) => Promise.resolve(void kept.push(session)));
  expect(kept).toEqual([{ ...moved, chats: { ...chats, messages: expect.arrayContaining(chats.messages) } }]);
  expect(await findMessage(store, sessionId, pseudonym("3A01"))).toBeNull();
  expect(await nextDownloadAt(store, sessionId)).toBeNull();
});
