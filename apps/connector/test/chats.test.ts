import { beforeEach, expect, test } from "vitest";
import { createChats } from "../src/store/chats.ts";
import { LeaseLost } from "../src/store/fence.ts";
import { newId } from "./support/rig.ts";
import { storedSession } from "./support/stored-session.ts";

const start = Date.parse("2026-08-01T00:00:00Z");
const clock = { at: start };
const now = () => new Date(clock.at);
beforeEach(() => {
  clock.at = start;
});

const pseudonym = (text: string) => `p(${text})`;

test("a session knows whom it reached and who wrote, by any of their jids, until that is deleted", async () => {
  const { store, fence } = await storedSession(now());
  const { sessionId } = fence;
  const chats = createChats(store, { now, pseudonym });
  const knows = (...jids: (string | null)[]) => chats.knows(sessionId, jids);
  expect(await knows("a@s")).toBe(false);
  await chats.reached(fence, [pseudonym("a@s"), null]);
  await store.writer.write(chats.wrote(fence, ["b@s", "b@lid"]));
  expect(await knows("a@s", null)).toBe(true);
  expect(await knows("x@s", "b@lid")).toBe(true);
  expect(await knows("x@s", null)).toBe(false);
  expect(await chats.knows(newId("ses"), ["a@s"])).toBe(false);
  await expect(chats.reached({ ...fence, fence: 1 }, [pseudonym("c@s")])).rejects.toThrow(LeaseLost);
  await store.writer.write([{ sql: "DELETE FROM chat", args: [] }]);
  chats.forget(sessionId);
  await chats.reached(fence, [pseudonym("a@s")]);
  expect(await knows("a@s")).toBe(true);
  const { rows } = await store.client.execute("SELECT person FROM chat");
  expect(rows.map(({ person }) => person)).toEqual(["p(a@s)"]);
});
