import { EventEmitter } from "node:events";
import type { WASocket } from "@whiskeysockets/baileys";
import { pino } from "pino";
import { beforeEach, expect, test } from "vitest";
import type { AuthState } from "../src/baileys/auth-state.ts";
import { prepareSenderKey, subscribeNewPhones } from "../src/baileys/sender-keys.ts";
import { writeThrough } from "../src/baileys/write-through.ts";

const group = "120363000000000001@g.us";
const own = { id: "62811:3@s.whatsapp.net", lid: "900:3@lid" };
const key = `${group}::900_1::3`;

const unsaved = () => expect.unreachable("it is stored");

let stored: Record<string, Record<string, unknown>>;
let ws: EventEmitter;
let sock: WASocket;
let now: number;
beforeEach(() => {
  stored = { "sender-key": { [key]: "the key" }, "sender-key-memory": {} };
  ws = new EventEmitter();
  now = 1000;
  const keys = {
    get: async (kind: string, ids: string[]) =>
      Object.fromEntries(ids.flatMap((id) => (stored[kind]?.[id] ? [[id, stored[kind][id]]] : []))),
    async set(data: typeof stored) {
      for (const [kind, values] of Object.entries(data)) stored[kind] = { ...stored[kind], ...values };
    },
    transaction: (work: () => Promise<unknown>) => work(),
  };
  const lidMapping = {
    getPNForLID: async (lid: string) => `62${lid.slice(0, 3)}@s.whatsapp.net`,
    getLIDForPN: async (pn: string) => `${pn.slice(2, 5)}@lid`,
  };
  sock = { ws, authState: { keys, creds: { me: own } }, signalRepository: { lidMapping } } as unknown as WASocket;
  subscribeNewPhones(sock, unsaved, () => ++now);
});

/** Prepares a send to these devices of members; answers who has the key then. */
async function holdersAfter(jids: string[], sentTo: string[] = []): Promise<string[]> {
  const devices = [...jids, own.lid].map((jid) => ({ jid, user: jid.split(/[:@]/)[0]! }));
  const users = new Set([...devices.map(({ user }) => user), "62811"]);
  await prepareSenderKey(sock.authState.keys, { group, users, devices, own, now: ++now });
  const holders = Object.keys(stored["sender-key-memory"]![group] as object).filter((name) => name.includes("@"));
  // As Baileys does when it sends.
  for (const jid of sentTo) (stored["sender-key-memory"]![group] as Record<string, unknown>)[jid] = true;
  return holders.toSorted();
}
const hasKey = () => stored["sender-key"]![key] !== null;

test("the key stays while all who have it are in the group, and new devices get it", async () => {
  await holdersAfter(["101@lid"], ["101@lid"]);
  stored["sender-key"]![key] = "the key";
  expect(await holdersAfter(["101@lid", "102@lid"], ["102@lid"])).toEqual(["101@lid", own.lid]);
  expect(await holdersAfter(["101@lid", "102@lid", "102:5@lid"])).toEqual(["101@lid", "102@lid", own.lid]);
  expect(hasKey()).toBe(true);
});

test.each([
  ["a member who left", ["101@lid"]],
  ["a device that was unlinked", ["101@lid", "102@lid"]],
])("the key is replaced after it was given to %s", async (_what, remaining) => {
  const all = ["101@lid", "102@lid", "102:5@lid"];
  await holdersAfter(all, all);
  stored["sender-key"]![key] = "the key";
  expect(await holdersAfter(remaining)).toEqual([own.lid]);
  expect(hasKey()).toBe(false);
});

test("a member whose devices WhatsApp does not name keeps the key", async () => {
  const all = ["101@lid", "102@lid"];
  await holdersAfter(all, all);
  stored["sender-key"]![key] = "the key";
  const devices = ["101@lid", own.lid].map((jid) => ({ jid, user: jid.split(/[:@]/)[0]! }));
  const users = new Set(["101", "102", "900", "62811"]);
  await prepareSenderKey(sock.authState.keys, { group, users, devices, own, now: ++now });
  expect(hasKey()).toBe(true);
});

test("a key of which no holder is known is replaced", async () => {
  expect(await holdersAfter(["101@lid"])).toEqual([own.lid]);
  expect(hasKey()).toBe(false);
});

test.each(["101@lid", "62101@s.whatsapp.net"])("a fresh installation of %s gets the key once more", async (from) => {
  const all = ["101@lid", "101:7@lid", "102@lid"];
  await holdersAfter(all, all);
  stored["sender-key"]![key] = "the key";
  await holdersAfter(all);
  ws.emit("CB:notification,type:encrypt", {
    tag: "notification",
    attrs: { from },
    content: [{ tag: "identity", attrs: {} }],
  });
  await new Promise((resolve) => setImmediate(resolve));
  // The other devices of the person have kept it.
  expect(await holdersAfter(all, ["101@lid"])).toEqual(["101:7@lid", "102@lid", own.lid]);
  expect(await holdersAfter(all)).toEqual(["101:7@lid", "101@lid", "102@lid", own.lid]);
  expect(hasKey()).toBe(true);
});

test("the key goes when Baileys forgets who has it", async () => {
  const { keys, creds } = sock.authState;
  const auth = { keys, creds } as unknown as AuthState;
  const used = { ...keys };
  const logger = pino({ level: "silent" });
  writeThrough(auth)({ creds, keys: used }, logger);
  await holdersAfter(["101@lid"], ["101@lid"]);
  stored["sender-key"]![key] = "the key";
  await used.set({ "sender-key-memory": { "120363000000000002@g.us": null } });
  expect(hasKey()).toBe(true);
  await used.set({ "sender-key-memory": { [group]: null } });
  expect(hasKey()).toBe(false);
});
