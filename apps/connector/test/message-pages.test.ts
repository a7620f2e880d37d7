import type { InStatement } from "@libsql/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findLatestChats, latestStatement } from "../src/store/latest-chats.ts";
import { type Asked, findMessagePage, mostLookedAt } from "../src/store/message-pages.ts";
import { type NewMessage, messageStatement, revokeStatement, sweepMessages } from "../src/store/messages.ts";
import { forgetStatements } from "../src/store/account.ts";
import { acquireLeases } from "../src/store/leases.ts";
import { storeDesiredState } from "../src/store/sessions.ts";
import { text } from "../src/store/row.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { newId, workspaceId } from "./support/rig.ts";

const now = new Date(2_000_000_000_000);
const sessionId = "ses_1";
const many = 20_000;
let store: Store;
let fence: { sessionId: string; fence: number };

const place = (n: number) => String(n).padStart(26, "0");
/** Every message has `all`, every tenth `tenth`, and the oldest `first`; each has three words of its own. */
const message = (n: number): NewMessage => ({
  waId: `w${n}`,
  id: `msg_${place(n)}`,
  conversationId: `cht_${n % 100}`,
  author: n % 2 === 0 ? `cht_${n % 100}` : null,
  type: n % 3 === 0 ? "image" : "text",
  sealed: "v1.k.x",
  words: ["all", `a${n}`, `b${n}`, `c${n}`, ...(n % 10 === 0 ? ["tenth"] : []), ...(n === 0 ? ["first"] : [])],
  position: place(n),
  origin: null,
  eventId: `evt_${n}`,
  at: now,
});

beforeAll(async () => {
  store = await openStore({ url: "file::memory:", authToken: undefined }, now);
  for (const id of [sessionId, "ses_2"]) {
    await storeDesiredState(store, { sessionId: id, workspaceId, desired: "running", revision: 1 }, now);
  }
  const lease = { owner: "a", run: "a", now, leaseMs: 1, includeOwn: false, limit: 2 };
  const rows = await acquireLeases(store, lease);
  fence = { sessionId, fence: rows.find(({ id }) => id === sessionId)!.fence };
  const other = { sessionId: "ses_2", fence: rows.find(({ id }) => id === "ses_2")!.fence };
  await store.writer.write(Array.from({ length: many }, (_, n) => messageStatement(fence, message(n))));
  await store.writer.write(Array.from({ length: 10 }, (_, n) => messageStatement(other, message(n))));
  await store.writer.write(
    Array.from({ length: 100 }, (_, n) => ({
      sql: "INSERT INTO conversation (session_id, id, sealed) VALUES (?, ?, '')",
      args: [sessionId, `cht_${n}`],
    })),
  );
  await store.writer.write(
    Array.from({ length: many }, (_, n) =>
      latestStatement(fence, {
        conversationId: `cht_${n % 100}`,
        kind: n % 100 < 30 ? "group" : "person",
        position: place(n),
      }),
    ),
  );
}, 60_000);
afterAll(() => store.close());

const asked: Asked = {
  chatId: undefined,
  tokens: null,
  isInbound: undefined,
  type: undefined,
  from: "",
  before: "~",
  limit: 20,
};
const page = async (more: Partial<Asked>) => {
  const { rows, continueAt } = await findMessagePage(store.client, sessionId, { ...asked, ...more });
  return { places: rows.map(({ position }) => Number(position)), continueAt };
};
const count = (from: number, step: number, length: number) => Array.from({ length }, (_, i) => from - i * step);

/** Every kind of page: without filter, and with each. */
const pages: [name: string, Partial<Asked>, places: number[], isComplete: boolean][] = [
  ["all", {}, count(19_999, 1, 20), true],
  ["a later page", { before: place(5), limit: 3 }, [4, 3, 2], true],
  ["a time", { from: place(10), before: place(13) }, [12, 11, 10], true],
  ["a chat", { chatId: "cht_7", limit: 3 }, [19_907, 19_807, 19_707], true],
  ["a direction", { isInbound: true, limit: 3 }, [19_998, 19_996, 19_994], false],
  ["a type in a chat", { chatId: "cht_7", type: "image", limit: 2 }, [19_707, 19_407], true],
  ["a word", { tokens: ["all"], limit: 3 }, [19_999, 19_998, 19_997], true],
  ["a rare word", { tokens: ["first"] }, [0], true],
  ["a frequent word and a rare one", { tokens: ["all", "first"] }, [0], true],
  ["two frequent words", { tokens: ["all", "tenth"], limit: 2 }, [19_990, 19_980], false],
  ["two words that never meet", { tokens: ["all", "tenth", "a19999"] }, [], true],
  ["a word that nobody wrote", { tokens: ["all", "never"] }, [], true],
  ["a frequent word in a chat", { tokens: ["all"], chatId: "cht_0", limit: 2 }, [19_900, 19_800], false],
  ["a word of a direction", { tokens: ["tenth"], isInbound: false }, [], true],
];

describe("a page of 20,000 messages", () => {
  it.each(pages)("by %s", async (_name, more, places, isComplete) => {
    const found = await page(more);
    expect(found.places).toEqual(places);
    expect(found.continueAt === null).toBe(isComplete);
  });

  it.each(pages)("by %s reads an index downwards, and sorts and scans nothing", async (_name, more) => {
    const statements: InStatement[] = [];
    const client = {
      execute: (statement: InStatement) => {
        statements.push(statement);
        return store.client.execute(statement);
      },
    };
    await findMessagePage(client, sessionId, { ...asked, ...more });
    const plans = await Promise.all(
      statements.map(async (statement) => {
        const { sql, args = [] } = statement as Exclude<InStatement, string>;
        const { rows } = await store.client.execute({ sql: `EXPLAIN QUERY PLAN ${sql}`, args });
        return rows.map((row) => text(row, "detail"));
      }),
    );
    const scans = plans.flat().filter((detail) => /TEMP B-TREE|^SCAN (?!asked VIRTUAL TABLE|\(subquery)/.test(detail));
    expect(scans).toEqual([]);
    expect(plans.flat().some((detail) => /USING (?:COVERING )?INDEX message_|USING PRIMARY KEY/.test(detail))).toBe(
      true,
    );
  });

  it("with filters looks at 5,000 messages, and the next page goes on there", async () => {
    const first = await page({ tokens: ["all"], type: "list" });
    expect(first).toEqual({ places: [], continueAt: place(many - mostLookedAt) });
    let { continueAt } = first;
    let pagesRead = 1;
    while (continueAt !== null) {
      ({ continueAt } = await page({ tokens: ["all"], type: "list", before: continueAt }));
      pagesRead++;
    }
    expect(pagesRead).toBe(many / mostLookedAt + 1);
  });

  it("finds nothing of another session", async () => {
    const { rows } = await findMessagePage(store.client, "ses_2", { ...asked, tokens: ["a15000"] });
    expect(rows).toEqual([]);
  });
});

/** The chats by their latest message. */
const chatsBy = async (more: object = {}) => {
  const latest = { kind: undefined, before: undefined, limit: 3, ...more };
  return (await findLatestChats(store, sessionId, latest)).map(({ id }) => id);
};

it("chats are read by their latest message, without a sort", async () => {
  expect(await chatsBy()).toEqual(["cht_99", "cht_98", "cht_97"]);
  expect(await chatsBy({ kind: "group" })).toEqual(["cht_29", "cht_28", "cht_27"]);
  expect(await chatsBy({ before: place(19_997) })).toEqual(["cht_96", "cht_95", "cht_94"]);
  const plans = ["conversation_latest", "conversation_kind"].map(async (index) => {
    const kind = index === "conversation_kind" ? "AND kind = 'person'" : "";
    const sql = `SELECT id FROM conversation INDEXED BY ${index} WHERE session_id = '' ${kind} AND latest < '~'
      ORDER BY latest DESC LIMIT 1`;
    return (await store.client.execute(`EXPLAIN QUERY PLAN ${sql}`)).rows.map((row) => text(row, "detail"));
  });
  for (const plan of await Promise.all(plans)) expect(plan).toEqual([expect.stringMatching(/^SEARCH .*latest<\?/)]);
});

it("words leave the index with what they stood in", async () => {
  const words = async (n: number) => {
    const sql = "SELECT token FROM word WHERE session_id = ? AND position = ?";
    return (await store.client.execute({ sql, args: [sessionId, place(n)] })).rows.map((row) => row["token"]);
  };
  const older = (more: Partial<NewMessage>): NewMessage => ({ ...message(50_000), at: new Date(0), ...more });
  await store.writer.write([messageStatement(fence, older({}))]);
  expect(await words(50_000)).toHaveLength(5);
  await store.writer.write(sweepMessages(now));
  expect(await words(50_000)).toEqual([]);
  expect(await words(19_999)).toHaveLength(4);
  await store.writer.write([revokeStatement(fence, "w19999", now)]);
  expect(await words(19_999)).toEqual([]);
  // A policy that keeps nothing indexes nothing.
  await store.writer.write([{ sql: "UPDATE session SET content_ms = 0 WHERE id = ?", args: [sessionId] }]);
  await store.writer.write([messageStatement(fence, { ...message(60_000), eventId: newId("evt") })]);
  expect(await words(60_000)).toEqual([]);
  await store.writer.write(forgetStatements.login(fence));
  const { rows } = await store.client.execute("SELECT session_id, count(*) AS n FROM word GROUP BY session_id");
  expect(rows).toMatchObject([{ session_id: "ses_2" }]);
});
