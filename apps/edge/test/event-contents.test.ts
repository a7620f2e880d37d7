import { createId, type EventContent, eventsPath } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { placeOfContent } from "../src/messages/event-contents.ts";
import { everything } from "./everything.ts";
import type { Edge } from "./harness.ts";
import { connectorOf, recipient, verify } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let seq: number;
beforeEach(async () => {
  sessionId = await edge.addSession();
  seq = 0;
});

const day = 86_400_000;
const tail = (n: number) => `01jd3k9v7hq2w8x5n4b6m0c1t${n}`;
const chatId = `cht_${tail(0)}`;
const personId = `per_${tail(0)}`;
const messageId = `msg_${tail(1)}`;
const from = { id: personId, phone: recipient, lid: "1@lid", username: null, name: "Siti Rahayu" };
const said = (written: string): EventContent => ({
  message: { from, content: { type: "text", text: written }, quotedMessageId: null },
});

const event = <More extends object>(type: string, more: More) => ({
  id: createId("evt", edge.services.now(), webRandom(10)),
  seq: ++seq,
  sessionId,
  at: edge.services.now().toISOString(),
  type,
  ...more,
});
const received = (content?: EventContent, more: object = {}) => {
  const flags = { isViewOnce: false, isOffline: false };
  const about = { chatId, chatKind: "person", personId, origin: null, to: null, type: "text", ...flags };
  const message = { messageId, ...about, ...more };
  return event("message.received", { from: recipient, token: null, isForwarded: false, message, content });
};
const changed = (type: string, change: object, more: object = {}) =>
  event(type, { messageId, personId, content: { change: { from, ...change } }, ...more });

async function report(...events: object[]): Promise<void> {
  const { status } = await edge.internal(eventsPath, { connectorId: "a", events });
  expect(status).toBe(200);
  await edge.settled();
}

const contentRows = () =>
  edge.rows("SELECT c.* FROM event_content c JOIN event ON event.id = c.event_id ORDER BY event.seq");
const owners = async () => (await contentRows()).map((row) => row["workspace_id"]);
const left = async () => (await contentRows()).map((row) => row["message_id"]);
const types = async () =>
  (await edge.rows("SELECT type FROM event WHERE message_id IS NOT NULL ORDER BY seq")).map(({ type }) => type);
/** What is stored of events, opened with the workspace's key. */
async function opened(): Promise<unknown[]> {
  const atRest = edge.services.atRest(edge.workspace.id);
  const rows = await contentRows();
  return Promise.all(
    rows.map(async ({ event_id: id, sealed }) => {
      const bytes = await atRest.open(String(sealed), placeOfContent(String(id)));
      return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
    }),
  );
}
const setPolicy = async (policy: object) => {
  const { status } = await edge.api("PATCH /v1/workspace", { policy });
  expect(status).toBe(200);
};

describe("what people wrote", () => {
  it("is stored with its event, sealed with the workspace's key, and is readable nowhere", async () => {
    await setPolicy({ messageContent: "keep" });
    const changes = [
      changed("message.edited", { text: "teks yang baru", formerText: "teks yang lama" }),
      changed("message.reaction", { emoji: "🦄" }),
      changed("poll.vote", { options: ["Pilihan pertama"] }),
    ];
    const answer = { messageId: `msg_${tail(2)}`, type: "reply" };
    const choice = changed(
      "message.reply",
      { choice: { id: "opsi-7", text: "Nanti saja" } },
      { replyId: answer.messageId },
    );
    const first = received(said("rahasia pelanggan"));
    await report(first, ...changes, received(said("jawaban tertulis"), answer), choice);
    expect(await opened()).toEqual([
      first.content,
      ...changes.map(({ content }) => content),
      said("jawaban tertulis"),
      choice.content,
    ]);
    const kept = { workspace_id: edge.workspace.id, session_id: sessionId, person_id: personId };
    const at = edge.services.now().getTime();
    const rows = await contentRows();
    expect(rows).toMatchObject(rows.map(() => ({ ...kept, stored_at: at, expires_at: at + 30 * day })));
    // A choice goes with the message that made it.
    expect(rows.map(({ message_id: of }) => of)).toEqual([
      ...[0, 1, 2, 3].map(() => messageId),
      answer.messageId,
      answer.messageId,
    ]);
    const events = new Set((await edge.rows("SELECT id FROM event")).map(({ id }) => id));
    expect(rows.every(({ event_id: id }) => events.has(id))).toBe(true);
    const all = await everything(edge);
    const words = ["rahasia", "jawaban tertulis", "teks yang", "🦄", "Pilihan", "opsi-7", "Nanti saja", "Siti"];
    for (const word of [...words, recipient.slice(1)]) expect([word, all.includes(word)]).toEqual([word, false]);
  });

  it("is stored once, however often and in whichever part its batch comes", async () => {
    const first = received(said("satu"));
    const second = changed("message.edited", { text: "dua", formerText: "satu" });
    await report(first);
    await report(first, second);
    await report(first, second);
    await report({ ...first, content: said("tiga") }, { ...second, seq: ++seq });
    expect(await opened()).toEqual([first.content, second.content]);
    expect(await types()).toEqual(["message.received", "message.edited"]);
  });

  it("is not stored if the transaction of its event fails, and is stored with the repetition", async () => {
    const all = [received(said("satu")), changed("message.reaction", { emoji: "👍" })];
    await edge.client.execute(
      "CREATE TRIGGER refuse BEFORE INSERT ON event WHEN NEW.type = 'message.reaction' BEGIN SELECT raise(ABORT, 'full'); END",
    );
    expect((await edge.internal(eventsPath, { connectorId: "a", events: all })).status).toBe(500);
    expect([await edge.count("event_content"), await types()]).toEqual([0, []]);
    await edge.client.execute("DROP TRIGGER refuse");
    await report(...all);
    expect(await opened()).toEqual(all.map(({ content }) => content));
  });

  it("comes with the event that makes a message readable", async () => {
    await report(received(undefined, { type: "undecryptable" }));
    expect(await contentRows()).toEqual([]);
    await report(received(said("akhirnya")));
    expect(await opened()).toEqual([said("akhirnya")]);
  });

  it("is not needed: older connectors report events without it, and a strange one is left out", async () => {
    await report(received(), changed("message.reaction", {}, { content: undefined }), {
      ...changed("message.edited", {}),
      content: { change: { from: "Siti" } },
    });
    expect(await types()).toEqual(["message.received", "message.reaction", "message.edited"]);
    expect(await contentRows()).toEqual([]);
  });

  it("is never stored of a code, of a token and of a message that its session did not see", async () => {
    const { body } = await verify(edge);
    const [code] = await edge.rows("SELECT id FROM message WHERE verification_id = ?", body.id);
    const foreign = await edge.addSession();
    await report(
      changed("message.reaction", { emoji: "👍" }, { messageId: String(code?.["id"]) }),
      event("message.received", { from: recipient, token: "0123456789ABC", isForwarded: false, content: said("x") }),
    );
    await report(received());
    await report(changed("message.reaction", { emoji: "👍" }, { sessionId: foreign }));
    expect(await contentRows()).toEqual([]);
  });
});

describe("the policy", () => {
  it.each([
    ["drop", 0],
    ["pass", 3],
    ["keep", 30],
  ] as const)("%s keeps contents of events for %i days", async (messageContent, days) => {
    await setPolicy({ messageContent });
    await report(received(said("satu")));
    expect(await edge.count("event_content")).toBe(days === 0 ? 0 : 1);
    edge.advance(days * day - 1);
    await runCron(edge.services);
    expect(await edge.count("event_content")).toBe(days === 0 ? 0 : 1);
    edge.advance(1);
    await runCron(edge.services);
    expect(await edge.count("event_content")).toBe(0);
  });

  it("also applies to earlier contents: shorter, or none at all", async () => {
    const other = await edge.addWorkspace("Other", { messageContent: "keep" });
    sessionId = await edge.addSession("online", other.id);
    await report(received(said("milik lain"), { messageId: `msg_${tail(9)}` }));
    sessionId = await edge.addSession();
    await setPolicy({ messageContent: "keep" });
    await report(received(said("satu")));
    edge.advance(2 * day);
    await report(changed("message.reaction", { emoji: "👍" }));
    expect(await owners()).toEqual([other.id, edge.workspace.id, edge.workspace.id]);
    await setPolicy({ retentionDays: { content: 2 } });
    await runCron(edge.services);
    expect(await owners()).toEqual([other.id, edge.workspace.id]);
    await setPolicy({ messageContent: "drop" });
    await runCron(edge.services);
    expect(await owners()).toEqual([other.id]);
  });
});

describe("contents are deleted", () => {
  const other = `msg_${tail(8)}`;
  beforeEach(() =>
    report(
      received(said("satu")),
      changed("message.reaction", { emoji: "👍" }),
      received(said("lain"), { messageId: other }),
    ),
  );

  it.each(["message.revoked", "message.deleted"])("with %s, and do not come back", async (type) => {
    await report(event(type, { messageId }));
    expect(await left()).toEqual([other]);
    await report(changed("message.reaction", { emoji: "🙏" }));
    expect(await left()).toEqual([other]);
  });

  it("not by another session's word", async () => {
    await report({ ...event("message.revoked", { messageId }), sessionId: await edge.addSession() });
    expect(await left()).toHaveLength(3);
  });

  it("with the session, and when its account is unlinked, but not when the session moves", async () => {
    const state = (reason: string) =>
      connectorOf(edge).report(sessionId, "session.state", {
        state: "ended",
        reason,
        phone: null,
        revision: 1,
        seq: ++seq,
      });
    await state("exported");
    expect(await left()).toHaveLength(3);
    await edge.client.execute("UPDATE session SET phone = '+6281200000001'");
    await state("logged_out");
    expect(await left()).toEqual([]);

    await report(received(said("lagi"), { messageId: `msg_${tail(7)}` }));
    expect(await left()).toHaveLength(1);
    await edge.client.execute("DELETE FROM session");
    expect(await left()).toEqual([]);
  });

  it("with their events", async () => {
    await edge.client.execute({ sql: "DELETE FROM event WHERE message_id = ?", args: [messageId] });
    expect(await left()).toEqual([other]);
  });
});
