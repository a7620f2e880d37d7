import {
  type Batch,
  type Erasure,
  ErasePersonRpc,
  type EventContent,
  type Message,
  type Verification,
} from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { z } from "zod";
import { runCron } from "../src/cron.ts";
import { newId } from "../src/services.ts";
import { everything } from "./everything.ts";
import type { Edge } from "./harness.ts";
import { addMedia, pattern } from "./media-world.ts";
import { connectorOf, recipient, seeMessage, seeVerification, text, verify } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

type Answer = z.output<typeof ErasePersonRpc.response>;
type Request = z.output<typeof ErasePersonRpc.request>;

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
let asked: Request[];
/** What connectors answer; undefined: they are away. */
let answer: (request: Request) => Partial<Answer> | undefined | "unknown";
beforeEach(async () => {
  sessionId = await edge.addSession();
  asked = [];
  answer = () => ({});
  edge.connector = (path, body) => {
    if (path !== ErasePersonRpc.path) return { status: 200, body: { messages: [] } };
    const request = ErasePersonRpc.request.parse(body);
    asked.push(request);
    const given = answer(request);
    if (given === undefined) return undefined;
    if (given === "unknown") return { status: 404, body: { code: "session-not-found" } };
    const { phones, lids, chatIds } = request;
    const none = { mediaIds: [], chats: 0, messages: 0, marks: 0, sends: 0, numbers: 0 };
    const erasedAt = edge.services.now().toISOString();
    return { status: 200, body: { phones, lids, chatIds, isDone: true, erasedAt, ...none, ...given } };
  };
});

const other = "+6281234567891";
const tail = (n: number) => `01jd3k9v7hq2w8x5n4b6m0c1t${n}`;
const chatId = `cht_${tail(0)}`;
const personId = `per_${tail(0)}`;
const inGroup = { chatKind: "group", chatId: `cht_${tail(9)}` };

const said = (words: string) => ({
  message: { from: null, content: { type: "text", text: words }, quotedMessageId: null },
});
async function receive(more: object = {}, from: string | null = recipient, content?: EventContent): Promise<string> {
  const messageId = newId(edge.services, "msg");
  const about = { messageId, chatKind: "person", chatId, personId, origin: null, to: null, type: "text" };
  const message = { ...about, isViewOnce: false, isOffline: false, ...more };
  await connectorOf(edge).report(sessionId, "message.received", {
    from,
    token: null,
    isForwarded: false,
    message,
    content,
  });
  return messageId;
}
const begin = (person = recipient, options: object = {}) =>
  edge.api<Erasure>(`DELETE /v1/people/${encodeURIComponent(person)}`, undefined, options);
const get = async ({ id }: { id: string }) => (await edge.api<Erasure>(`GET /v1/erasures/${id}`)).body;

/** Runs cron until the erasure waits for something that only time brings. */
async function run({ id }: { id: string }): Promise<Erasure> {
  for (let i = 0; i < 20; i++) {
    await edge.settled();
    await runCron(edge.services);
    const [row] = await edge.rows("SELECT due_at FROM erasure WHERE id = ?", id);
    if (row?.["due_at"] === null || Number(row?.["due_at"]) > edge.services.now().getTime()) break;
  }
  return get({ id });
}
async function erase(person = recipient): Promise<Erasure> {
  const { status, body } = await begin(person);
  expect(status).toBe(202);
  return run(body);
}
const ids = async () => (await edge.rows("SELECT id FROM message ORDER BY id")).map(({ id }) => id);

describe("an erasure", () => {
  it("refuses the id of a group, and leaves its members alone", async () => {
    await receive(inGroup);
    await receive({ ...inGroup, personId: `per_${tail(1)}` }, other);
    const before = await ids();
    const { status, body } = await edge.api<{ code: string }>(`DELETE /v1/people/per_${tail(9)}`);
    expect([status, body.code]).toEqual([404, "person-not-found"]);
    expect([await ids(), await edge.rows("SELECT id FROM erasure")]).toEqual([before, []]);
  });

  it("erases the person from every table, and counts what it did", async () => {
    const key = { headers: { "idempotency-key": "one" } };
    const sentBody = { to: recipient, type: "text", text: "halo", metadata: { customer: "Budi" } };
    const sent = (await edge.api<Message>("POST /v1/messages", sentBody, key)).body;
    const connector = connectorOf(edge);
    expect(await connector.claim(sent.id, sessionId)).toBe("claimed");
    await connector.sent(sent.id, sessionId);
    const queued = (await text(edge)).body;
    const scheduled = (await text(edge, { sendAt: new Date(edge.services.now().getTime() + 3_600_000).toISOString() }))
      .body;
    const verification = (await verify(edge, { metadata: { user: "Budi" } })).body;
    await receive();
    await receive(inGroup);
    await receive({ origin: "phone", personId: null, to: recipient }, null);
    const messages = [recipient, other].map((to) => ({ to, type: "text", text: "hi" }));
    const sendAt = new Date(edge.services.now().getTime() + 7_200_000).toISOString();
    const batch = (await edge.api<Batch>("POST /v1/batches", { messages, sendAt })).body;
    const file = await addMedia(edge, pattern(100));
    await edge.client.execute({ sql: "UPDATE media SET session_id = ? WHERE id = ?", args: [sessionId, file.id] });
    // Its connector did not know yet that it is stored.
    const [theirs] = await edge.rows(
      "SELECT id FROM message WHERE direction = 'inbound' AND session_id = ?",
      sessionId,
    );
    await addMedia(edge, pattern(100), { sessionId, uploadId: String(theirs?.["id"]) });
    const kept = (await text(edge, { to: other })).body;
    await edge.settled();
    const masked = "+62812***7890";
    const hashes = (
      await edge.rows("SELECT DISTINCT to_hash FROM message WHERE to_masked = ? AND to_hash <> ''", masked)
    ).map((row) => String(row["to_hash"]));
    expect(hashes).toEqual([expect.any(String)]);

    answer = () => ({ chatIds: [chatId], mediaIds: [file.id], messages: 3, marks: 1, sends: 1, numbers: 1 });
    const erasure = await erase();
    expect(erasure).toMatchObject({
      state: "finished",
      finishedAt: expect.any(String),
      report: {
        messages: { deleted: 3, masked: 4, canceled: 3 },
        verifications: 1,
        batchRecipients: 1,
        files: 2,
        storedAnswers: 1,
        sessions: [{ sessionId, state: "erased", messages: 3, marks: 1, sends: 1, numbers: 1 }],
      },
    });
    expect(erasure.report.notReached.map(({ what }) => what)).toEqual(
      expect.arrayContaining(["phone", "whatsapp", "customer_copies"]),
    );
    const stored = await everything(edge);
    for (const trace of [...hashes, masked, "Budi", recipient.slice(1), chatId, personId]) {
      expect([trace, stored.includes(trace)]).toEqual([trace, false]);
    }
    expect(await seeMessage(edge, sent)).toMatchObject({ status: "sent", to: null, metadata: {}, chatId: null });
    expect(await seeMessage(edge, queued)).toMatchObject({ status: "canceled", to: null });
    expect(await seeMessage(edge, scheduled)).toMatchObject({ status: "canceled", to: null });
    expect(await seeVerification(edge, verification)).toMatchObject({ status: "canceled", to: "", metadata: {} });
    expect((await edge.api<Batch>(`GET /v1/batches/${batch.id}`)).body.recipients).toBe(2);
    expect(await seeMessage(edge, kept)).toMatchObject({ status: "queued", to: "+62812•••7891" });
    expect((await edge.rows("SELECT count(*) AS n FROM job WHERE kind = 'text'"))[0]).toEqual({ n: 1 });

    // The request is still known: it makes no second message.
    const again = await edge.api<Message>("POST /v1/messages", sentBody, key);
    expect([again.status, again.body]).toMatchObject([202, { id: sent.id, to: null }]);
  });

  it("erases contents of the person's events, and what endpoints answered to these", async () => {
    const connector = connectorOf(edge);
    const sent = (await text(edge)).body;
    await connector.claim(sent.id, sessionId);
    await connector.sent(sent.id, sessionId);
    const edit = { from: null, text: "baru", formerText: "lama" };
    await connector.report(sessionId, "message.edited", {
      messageId: sent.id,
      personId: null,
      content: { change: edit },
    });
    await receive({}, recipient, said("dari orang itu"));
    const theirs = await receive({ ...inGroup, personId: `per_${tail(1)}` }, other, said("dari orang lain"));
    const react = (by: string, emoji: string) =>
      connector.report(sessionId, "message.reaction", {
        messageId: theirs,
        personId: by,
        content: { change: { from: null, emoji } },
      });
    await react(personId, "👍");
    await react(`per_${tail(1)}`, "🙏");
    const { body: verification } = await verify(edge);
    await edge.settled();
    // An endpoint has answered to every event.
    await edge.client.batch([
      `INSERT INTO delivery (id, workspace_id, endpoint_id, subject_id, event_seq, type, status, created_at)
        SELECT 'dlv_' || seq, workspace_id, 'whe_1', id, seq, type, 'delivered', at FROM event`,
      "INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms, answer) SELECT id, 1, 0, 5, 'sealed' FROM delivery",
    ]);
    const answered = (still: "IS NULL" | "IS NOT NULL") =>
      edge.rows(`SELECT d.type FROM delivery d JOIN delivery_attempt a ON a.delivery_id = d.id
        WHERE a.answer ${still} AND d.type NOT LIKE 'session.%' ORDER BY d.event_seq`);
    expect(await answered("IS NULL")).toEqual([]);
    expect(await edge.count("event_content")).toBe(5);

    answer = () => ({ chatIds: [chatId] });
    expect((await erase()).state).toBe("finished");
    const left = await edge.rows("SELECT message_id, person_id FROM event_content ORDER BY event_id");
    expect(left).toEqual([1, 2].map(() => ({ message_id: theirs, person_id: `per_${tail(1)}` })));
    expect(await everything(edge)).not.toContain(personId);
    expect(await answered("IS NOT NULL")).toEqual([{ type: "message.received" }, { type: "message.reaction" }]);
    expect(await answered("IS NULL")).toEqual(
      expect.arrayContaining([
        { type: "message.edited" },
        { type: "verification.created" },
        { type: "message.reaction" },
      ]),
    );
    expect(await seeVerification(edge, verification)).toMatchObject({ to: "" });

    // The connector had this in its outbox.
    await connector.report(sessionId, "message.edited", {
      messageId: sent.id,
      personId: null,
      content: { change: edit },
    });
    expect(await edge.count("event_content")).toBe(2);
  });

  it("writes an audit entry without the number, and forgets whom it was about", async () => {
    const { id } = await erase();
    const [entry] = await edge.rows("SELECT action, target, detail FROM audit");
    expect(entry).toEqual({ action: "person.erased", target: id, detail: "{}" });
    expect(await edge.rows("SELECT person, sealed FROM erasure")).toEqual([{ person: null, sealed: null }]);
  });

  it("is one erasure while it runs, and another one afterwards", async () => {
    answer = () => undefined;
    const first = (await begin()).body;
    await run(first);
    expect((await begin("6281234567890")).body.id).toBe(first.id);
    answer = () => ({});
    edge.advance(3_600_000);
    expect((await run(first)).state).toBe("finished");
    expect((await begin()).body.id).not.toBe(first.id);
  });

  it("answers a repeated request with the first answer", async () => {
    const options = { headers: { "idempotency-key": "k" } };
    const first = await begin(recipient, options);
    await run(first.body);
    expect((await begin(recipient, options)).body).toEqual(first.body);
    expect(await edge.count("erasure")).toBe(1);
  });

  it("waits for a connector that is away, however often, and finishes when it is back", async () => {
    await receive();
    answer = () => undefined;
    const erasure = await erase();
    expect(erasure).toMatchObject({ state: "running", report: { messages: { deleted: 1 } } });
    expect(erasure.report.sessions).toMatchObject([{ sessionId, state: "waiting", erasedAt: null }]);
    edge.advance(26 * 3_600_000);
    expect(await run(erasure)).toMatchObject({ state: "running" });
    expect(asked.length).toBeGreaterThan(1);
    answer = () => ({ messages: 1 });
    edge.advance(600_000);
    expect(await run(erasure)).toMatchObject({
      state: "finished",
      report: { sessions: [{ state: "erased", messages: 1 }] },
    });
  });

  it("ends without a connector that was away for a month, and says so", async () => {
    answer = () => undefined;
    const erasure = await erase();
    edge.advance(31 * 86_400_000);
    expect(await run(erasure)).toMatchObject({
      state: "incomplete",
      report: { sessions: [{ sessionId, state: "unreachable", erasedAt: null }] },
    });
  });

  it("calls a connector again until it has finished, and adds up what it did", async () => {
    answer = () => ({ messages: 200, isDone: asked.length === 3 });
    expect(await erase()).toMatchObject({ state: "finished", report: { sessions: [{ messages: 600 }] } });
  });

  it("asks every session with what the others know of the person", async () => {
    const second = await edge.addSession();
    answer = ({ sessionId: of, phones }) => (of === second && phones.length > 0 ? { lids: ["100@lid"] } : {});
    expect((await erase()).state).toBe("finished");
    expect(asked.findLast((request) => request.sessionId === sessionId)).toMatchObject({ lids: ["100@lid"] });
    expect(asked.length).toBe(3);
  });

  it("takes a session that no connector knows, or that was deleted, for erased", async () => {
    answer = () => "unknown";
    expect(await erase()).toMatchObject({ state: "finished", report: { sessions: [{ state: "erased" }] } });
    answer = () => undefined;
    const waiting = await erase();
    await edge.client.execute("DELETE FROM session");
    edge.advance(600_000);
    expect(await run(waiting)).toMatchObject({ state: "finished", report: { sessions: [{ state: "erased" }] } });
  });

  it("finds everything by the id of the person, also by a former one", async () => {
    await receive();
    await receive(inGroup);
    const connector = connectorOf(edge);
    const [older, at] = [`cht_${tail(7)}`, { id: `evt_${tail(1)}` }];
    await connector.report(sessionId, "chat.merged", { ...at, chatId: older, mergedIds: [chatId] });
    await text(edge);
    answer = ({ chatIds }) => (chatIds.length > 0 ? { phones: [recipient] } : {});
    const erasure = await erase(personId);
    expect(asked[0]!.chatIds.toSorted()).toEqual([chatId, older]);
    expect(erasure).toMatchObject({ state: "finished", report: { messages: { deleted: 2, canceled: 1, masked: 1 } } });
    const stored = await everything(edge);
    expect(stored.includes("***7890")).toBe(false);
  });

  it("finds what a hidden id wrote by what the connector answers", async () => {
    await receive({}, null);
    answer = () => ({ chatIds: [chatId] });
    expect(await erase("103457289341234@lid")).toMatchObject({ report: { messages: { deleted: 1 } } });
    expect(asked[0]).toMatchObject({ lids: ["103457289341234@lid"], phones: [] });
  });

  it("erases what the sandbox has of the number", async () => {
    const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    await edge.api("POST /v1/messages", { to: recipient, type: "text", text: "x" }, { key });
    expect((await erase()).report.messages).toMatchObject({ masked: 1 });
  });

  it("leaves what the person writes after their connector has erased them, and what is sent after the request", async () => {
    await receive();
    answer = () => undefined;
    const erasure = await erase();
    edge.advance(60_000);
    await receive();
    edge.advance(60_000);
    answer = () => ({});
    const sent = (await text(edge)).body;
    edge.advance(600_000);
    await run(erasure);
    edge.advance(1_000);
    const later = await receive({ chatId: `cht_${tail(5)}`, personId: `per_${tail(5)}` });
    expect(await run(erasure)).toMatchObject({ state: "finished" });
    expect(await ids()).toEqual([later, sent.id].toSorted());
    expect(await seeMessage(edge, sent)).toMatchObject({ to: "+62812•••7890" });
  });

  it("waits until a message that a connector sends right now has ended", async () => {
    const { body } = await text(edge);
    const connector = connectorOf(edge);
    await connector.claim(body.id, sessionId);
    const erasure = await erase();
    expect(erasure.state).toBe("running");
    await connector.sent(body.id, sessionId);
    edge.advance(60_000);
    expect(await run(erasure)).toMatchObject({ state: "finished", report: { messages: { masked: 1, canceled: 0 } } });
    expect(await seeMessage(edge, body)).toMatchObject({ status: "sent", to: null });
  });

  it("works in bounded steps", async () => {
    await receive();
    const many = Array.from({ length: 450 }, () => newId(edge.services, "msg"));
    const columns = await edge.rows("SELECT name FROM pragma_table_info('message') WHERE name <> 'id'");
    const names = columns.map(({ name }) => `m.${String(name)}`).join(", ");
    await edge.client.execute({
      sql: `INSERT INTO message (id, ${names.replaceAll("m.", "")}) SELECT j.value, ${names} FROM json_each(?) j, message m`,
      args: [JSON.stringify(many)],
    });
    expect((await erase()).report.messages.deleted).toBe(451);
    expect(await edge.count("message")).toBe(0);
  });

  it("touches nothing of another workspace, which does not see it", async () => {
    const { id: theirs, key } = await edge.addWorkspace();
    await edge.addSession("online", theirs);
    const { body } = await edge.api<Message>("POST /v1/messages", { to: recipient, type: "text", text: "x" }, { key });
    const before = await edge.rows("SELECT * FROM message");
    const { id } = await erase();
    expect(await edge.rows("SELECT * FROM message")).toEqual(before);
    expect(asked.map((request) => request.sessionId)).toEqual([sessionId]);
    expect((await edge.api(`GET /v1/erasures/${id}`, undefined, { key })).status).toBe(404);
    expect((await edge.api<Message>(`GET /v1/messages/${body.id}`, undefined, { key })).body.to).toBe("+62812•••7890");
  });

  it("needs its scope, a live key, and a person", async () => {
    const key = await edge.addKey(edge.workspace.id, ["message:read", "key:manage"]);
    expect((await begin(recipient, { key })).status).toBe(403);
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect((await begin(recipient, { key: test })).body.code).toBe("test-keys-not-supported");
    for (const wrong of ["0812", "per_1", "x@lid", "120363025246125486@g.us", "everybody"]) {
      const { status, body } = await begin(wrong);
      expect([wrong, status, body.code]).toEqual([wrong, 404, "person-not-found"]);
    }
    const { status, body } = await begin("+6280000000000");
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, "path/person"]);
    expect(await edge.count("erasure")).toBe(0);
  });

  it("has no number in logs, traces and jobs", async () => {
    await erase();
    const written = JSON.stringify([edge.logs, edge.requests, edge.spans, edge.jobs]);
    expect(edge.requests.map(({ route }) => route)).toContain("/v1/people/:person");
    expect(written.includes(recipient.slice(1))).toBe(false);
  });

  it("is swept after a year", async () => {
    await erase();
    edge.advance(366 * 86_400_000);
    await runCron(edge.services);
    expect(await edge.count("erasure")).toBe(0);
  });
});

it("a verification of an erased person has no number, and checks find it canceled", async () => {
  const { body } = await verify(edge);
  const code = await edge.codeOf(body.id);
  await erase();
  const checked = await edge.api<Verification>(`POST /v1/verifications/${body.id}/check`, { code });
  expect([checked.status, checked.body.code]).toEqual([410, "verification-canceled"]);
});
