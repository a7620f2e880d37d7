import { createKeyRing, generateKeyText, webRandom } from "@sandi/crypto";
import { nodeAtRest } from "@sandi/crypto/node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Conversations, createConversations, type Names } from "../src/store/conversations.ts";
import { type Fence, writeFenced } from "../src/store/fence.ts";
import { findLatestChats, latestStatement } from "../src/store/latest-chats.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { findMessage, messageStatement } from "../src/store/messages.ts";
import { storeDesiredState } from "../src/store/sessions.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { newId, workspaceId } from "./support/rig.ts";

const now = new Date();
const keys = createKeyRing(generateKeyText("k1", webRandom));
const pn = "6281300000002@s.whatsapp.net";
const lid = "100@lid";
let store: Store;
let fence: Fence;
let conversations: Conversations;

beforeEach(async () => {
  store = await openStore({ url: "file::memory:", authToken: undefined }, now);
  const sessionId = newId("ses");
  await storeDesiredState(store, { sessionId, workspaceId, desired: "running", revision: 1 }, now);
  const [row] = await acquireLeases(store, { owner: "a", run: "a", now, leaseMs: 1, includeOwn: false, limit: 1 });
  fence = { sessionId, fence: row!.fence };
  let ids = 0;
  conversations = createConversations({
    store,
    atRest: (owner) => nodeAtRest(keys, owner, webRandom),
    pseudonym: (text) => `p${text}`,
    services: { newId: (prefix) => `${prefix}_${++ids}`, now: () => now },
  });
});
afterEach(() => store.close());

async function meet(names: Partial<Names>): Promise<string> {
  const { conversation, statements } = await conversations.met(fence, names);
  if (statements.length > 0) await writeFenced(store, fence, statements);
  return conversation.id;
}

test("a person keeps the id when the number, the LID or the name becomes known", async () => {
  const first = await meet({ lid });
  expect(await meet({ lid, pn })).toBe(first);
  expect(await meet({ pn, name: "Siti" })).toBe(first);
  expect(await meet({ pn })).toBe(first);
  const { names } = (await conversations.find(fence.sessionId, [first])).get(first)!;
  expect(names).toEqual({ pn, lid, group: null, name: "Siti" });
});

test("two that prove to be one become the older one, with the messages of both", async () => {
  const older = await meet({ pn });
  const younger = await meet({ lid });
  expect(younger).not.toBe(older);
  const message = { waId: "w", id: "msg_1", conversationId: younger, author: younger, type: "text", sealed: null };
  const more = { words: [], position: "1", origin: null, eventId: "evt_1", at: now };
  await writeFenced(store, fence, [
    messageStatement(fence, { ...message, ...more }),
    latestStatement(fence, { conversationId: younger, kind: "person", position: "1" }),
  ]);
  expect(await meet({ lid, pn })).toBe(older);
  expect(await meet({ lid })).toBe(older);
  expect((await conversations.find(fence.sessionId, [younger])).get(younger)?.id).toBe(older);
  const listed = { kind: "person" as const, before: undefined, limit: 10 };
  expect(await findLatestChats(store, fence.sessionId, listed)).toMatchObject([{ id: older, latest: "1" }]);
  const later = latestStatement(fence, { conversationId: younger, kind: "person", position: "2" });
  await writeFenced(store, fence, [later]);
  expect(await findLatestChats(store, fence.sessionId, listed)).toMatchObject([{ id: older, latest: "2" }]);
  const moved = { conversationId: older, author: older };
  expect(await findMessage(store, fence.sessionId, "w")).toMatchObject(moved);
});

test("the ids of one session say nothing to another", async () => {
  const id = await meet({ pn });
  expect(await conversations.find(newId("ses"), [id])).toEqual(new Map());
});
