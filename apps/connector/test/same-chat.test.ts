import { expect, test } from "vitest";
import type { Changing } from "../src/inbound/changing.ts";
import { isOfSameChat } from "../src/inbound/same-chat.ts";
import type { Names } from "../src/store/conversations.ts";
import type { LedgerEntry } from "../src/store/ledger.ts";

const pn = "6281300000002@s.whatsapp.net";
const lid = "222222222222222@lid";
const group = "120363000000000001@g.us";
const other = "120363000000000002@g.us";
const change = { type: "revoke", target: "3A01" } as const;
const from = (about: Partial<Changing>) => ({ origin: null, group: null, names: [pn], change, ...about }) as Changing;

function isOf(names: Partial<Names> | null, changing: Changing, sent: Partial<LedgerEntry> | null = null) {
  const known = { id: "cht_1", names: { pn: null, lid: null, group: null, name: null, ...names } };
  const conversations = {
    find: () => Promise.resolve(new Map(names ? [["cht_1", known]] : [])),
  } as unknown as Parameters<typeof isOfSameChat>[0]["conversations"];
  const about = { sessionId: "ses_1", conversationId: names && "cht_1", sent: sent as LedgerEntry | null };
  return isOfSameChat({ conversations, pseudonym: (text) => `p${text}` }, changing, about);
}

test.each([
  ["a group", { group }, from({ group })],
  ["a chat of two", { pn }, from({})],
  ["a chat of two, by the other name", { pn, lid }, from({ names: [lid] })],
  ["a person whose two names nobody has connected yet", { pn }, from({ names: [lid] })],
  ["any chat, by the account's own phone", { group }, from({ group: other, origin: "phone" })],
])("a change may come from %s", async (_name, names, changing) => {
  expect(await isOf(names, changing)).toBe(true);
});

test.each([
  ["another group, whose admin may be anybody", { group }, from({ group: other })],
  ["a group, about a chat of two", { pn, lid }, from({ group })],
  ["a chat of two, about a group", { group }, from({})],
  ["another person", { pn: "6281300000003@s.whatsapp.net" }, from({})],
  ["another person by LID", { pn, lid }, from({ names: ["333333333333333@lid"] })],
])("a change does not count from %s", async (_name, names, changing) => {
  expect(await isOf(names, changing)).toBe(false);
});

test("a message of which only the delivery is known is changed in its own group", async () => {
  const sent = { chat: `p${group}` };
  expect(await isOf(null, from({ group }), sent)).toBe(true);
  expect(await isOf(null, from({ group: other }), sent)).toBe(false);
  // Reactions to a story come in a chat of two.
  expect(await isOf(null, from({}), { chat: "pstatus@broadcast" })).toBe(true);
});
