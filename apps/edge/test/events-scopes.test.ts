import type { Event, EventList, EventType, Scope, Verification } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { chatId, messageId, person, personId, receive, shownEvent, shownEvents, without } from "./events-world.ts";
import { type Edge, wrong } from "./harness.ts";
import { receiveFile, sha256 } from "./media-world.ts";
import { connectorOf, recipient, text, verify } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let connector: ReturnType<typeof connectorOf>;
let sessionId: string;
beforeEach(async () => {
  connector = connectorOf(edge);
  sessionId = await edge.addSession();
  edge.advance(1000);
});

const file = new Uint8Array([1, 2, 3]);
const shownPerson = { ...person, phone: "+62812•••7890", lid: null, name: null };
const words = { type: "text", text: "halo semua" };
const said = { from: person, content: words, quotedMessageId: null };
const both = async (type: EventType): Promise<[Event, Event]> => [
  await shownEvent(edge, type),
  await shownEvent(edge, type, { scopes: without("message:read") }),
];
/** Somebody does something with a message that was received. */
async function change(type: EventType, more: object, content: object) {
  await receive(edge, sessionId);
  const reported = { change: { from: person, ...content } };
  await connector.report(sessionId, type, { messageId, personId, ...more, content: reported });
}

describe("what people write and do", () => {
  it("is shown to readers with message:read alone", async () => {
    await receive(edge, sessionId, {}, { from: person, content: words, quotedMessageId: messageId });
    const [seen, hidden] = await both("message.received");
    expect(seen.data).toMatchObject({ content: words, contentState: "kept", from: person, quotedMessageId: messageId });
    const nothing = { content: null, contentState: null, from: shownPerson, quotedMessageId: null };
    expect(hidden.data).toMatchObject(nothing);
  });

  it.each([
    ["message.edited", {}, { text: "new words", formerText: null }, { text: null, formerText: null }],
    ["message.reaction", {}, { emoji: "👍" }, { emoji: null }],
    ["message.reply", { replyId: messageId }, { choice: { id: "1", text: "yes please" } }, { choice: null }],
    ["poll.vote", {}, { options: ["Morning", "Evening"] }, { options: null }],
  ] as const)("is in %s shown likewise, with who did it", async (type, more, content, nothing) => {
    await change(type, more, content);
    const ids = type === "message.reply" ? { replyMessageId: messageId } : {};
    const [seen, hidden] = await both(type);
    expect(seen.change).toEqual({ from: person, ...ids, ...content });
    expect(hidden.change).toEqual({ from: shownPerson, ...ids, ...nothing });
  });

  it.each([
    ["message.reaction", { emoji: null }, { emoji: "" }],
    ["poll.vote", { options: [] }, { options: [] }],
  ] as const)("is in %s empty when it was taken back", async (type, content, shown) => {
    await change(type, {}, content);
    expect((await shownEvent(edge, type)).change).toEqual({ from: person, ...shown });
  });

  it("is of the account itself when it did it on its phone", async () => {
    await receive(edge, sessionId);
    await connector.report(sessionId, "message.reaction", { messageId, personId: null });
    const none = { from: null, emoji: null };
    expect((await both("message.reaction")).map((event) => event.change)).toEqual([none, none]);
  });

  it("has a fresh link to its file when the file is stored", async () => {
    const media = { mediaId: null, mediaState: "pending", mimeType: "image/jpeg", sizeBytes: 3, sha256: sha256(file) };
    const content = { type: "image", caption: "look", media };
    await receive(edge, sessionId, { type: "image" }, { from: person, content, quotedMessageId: null });
    const shown = async () => (await shownEvent(edge, "message.received")).data?.["content"];
    expect(await shown()).toMatchObject({ caption: "look", media: { ...media, contentPath: null, url: null } });
    const { mediaId } = await receiveFile(edge, { sessionId, messageId }, file);
    await connector.report(sessionId, "message.media", { messageId, mediaState: "stored", mediaId });
    const contentPath = `/v1/media/${mediaId}/content`;
    const url = expect.stringContaining(`https://api.test${contentPath}?signature=`) as string;
    expect(await shown()).toMatchObject({ media: { mediaId, mediaState: "stored", contentPath, url } });
    const [seen, hidden] = await both("message.media");
    expect(seen.change).toMatchObject({ mediaState: "stored", media: { id: mediaId, url } });
    expect(hidden.change).toEqual({ mediaState: "stored", media: null });
    const { url: link } = seen.change["media"] as { url: string };
    const answer = await edge.fetch(new Request(link));
    expect([answer.status, new Uint8Array(await answer.arrayBuffer())]).toEqual([200, file]);
  });
});

const stateOf = async () => (await shownEvent(edge, "message.received")).data?.["contentState"];
describe("a content that is not there", () => {
  it("is unavailable if the connector did not report it", async () => {
    await receive(edge, sessionId);
    expect(await stateOf()).toBe("unavailable");
  });

  it("has expired when its time is over", async () => {
    await receive(edge, sessionId, {}, said);
    edge.advance(31 * 86_400_000);
    expect(await stateOf()).toBe("expired");
  });

  it("is dropped by the policy", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { messageContent: "drop" } });
    await receive(edge, sessionId, {}, said);
    expect(await stateOf()).toBe("dropped");
  });

  it("is dropped with a message that was revoked", async () => {
    await receive(edge, sessionId, {}, said);
    await connector.report(sessionId, "message.revoked", { messageId });
    expect(await stateOf()).toBe("dropped");
  });

  it("that cannot be opened does not hide the events", async () => {
    await receive(edge, sessionId, {}, said);
    await edge.client.execute("UPDATE event_content SET sealed = 'v1.r0.AAAA.AAAA'");
    expect(await stateOf()).toBe("unavailable");
    expect(edge.logs).toEqual([expect.stringMatching(/^the content of event evt_\w{26} cannot be opened$/)]);
  });

  it("of another event is not shown with this one", async () => {
    await receive(edge, sessionId, {}, said);
    await receive(edge, sessionId, { messageId: "msg_01jd3k9v7hq2w8x5n4b6m0c1t9" });
    const [first, second] = await edge.rows("SELECT id FROM event WHERE type = 'message.received' ORDER BY seq");
    await edge.client.execute({
      sql: "UPDATE event_content SET event_id = ? WHERE event_id = ?",
      args: [String(second?.["id"]), String(first?.["id"])],
    });
    expect(await stateOf()).toBe("unavailable");
  });
});

describe("a number", () => {
  it("is in clear for readers with message:read alone", async () => {
    await receive(edge, sessionId, {}, said);
    await text(edge);
    await verify(edge);
    const page = async (scopes: Scope[]) => JSON.stringify(await shownEvents(edge, { scopes }));
    for (const number of [recipient, "+6281200000001"]) {
      expect(await page(without())).toContain(number);
      expect(await page(without("message:read"))).not.toContain(number.slice(3));
    }
  });

  it("of a session is masked for the others", async () => {
    await connector.state(sessionId, "waiting");
    const phones = (await both("session.state")).map(({ data }) => [data?.["phone"], data?.["lastPhone"]]);
    expect(phones).toEqual([
      ["+6281200000001", "+6281200000001"],
      ["+62812•••0001", "+62812•••0001"],
    ]);
  });
});

/** The events of these resources, without what differs between any two. */
async function eventsOf(ids: readonly string[], scopes: Scope[]) {
  const events = await shownEvents(edge, { scopes });
  const own = events
    .filter((event) => ids.includes(event.messageId ?? "") || ids.includes(event.verificationId ?? ""))
    // The connector reports it of the one, and it has a random time of the other: see the next test.
    .filter(({ type }) => type !== "message.revoked");
  const start = Date.parse(own[0]!.at);
  const plain = JSON.stringify(own, (key, value: unknown) => (key === "sequence" ? 0 : value))
    .replaceAll(/2026-[-0-9]+T[0-9:.]+Z/g, (time) => `+${Date.parse(time) - start}`)
    .replaceAll(/•••789\d/g, "•••");
  const others = own.map(({ id }) => id);
  return [...ids, ...others].reduce((all, id, i) => all.replaceAll(id, `id ${i}`), plain);
}

describe("a number without an account", () => {
  const [gone, off] = ["+6281234567890", "+6281234567891"];
  /** What becomes of a message: the number has no account, or the phone is off. */
  async function settle(id: string, to: string) {
    await connector.claim(id, sessionId);
    edge.advance(500);
    if (to === gone) await connector.failed(id, sessionId, "not_on_whatsapp");
    else await connector.report(sessionId, "message.sent", { messageId: id, chatId });
  }
  async function live(to: string) {
    const { body: code } = await verify(edge, { to, route: { sessionId } });
    await settle(code.delivery!.messageId, to);
    const { body } = await text(edge, { to, sessionId });
    await settle(body.id, to);
    const key = await edge.addKey(edge.workspace.id, without("lookup:read"));
    await edge.api(`POST /v1/verifications/${code.id}/check`, { code: wrong(await edge.codeOf(code.id)) }, { key });
    await edge.api(`POST /v1/verifications/${code.id}/cancel`, undefined, { key });
    return [code.id, code.delivery!.messageId, body.id];
  }
  it("looks in every event like a phone that is off, for readers without lookup:read", async () => {
    const accountless = await live(gone);
    const switchedOff = await live(off);
    const blind = without("lookup:read");
    expect(await eventsOf(accountless, blind)).toBe(await eventsOf(switchedOff, blind));
    expect(await eventsOf(accountless, without())).not.toBe(await eventsOf(switchedOff, without()));
    expect(JSON.stringify(await shownEvents(edge, { scopes: blind }))).not.toContain("not_on_whatsapp");
  });

  it("is revoked after a time that a connector needs, and no reader gets to that event or behind it before", async () => {
    const key = await edge.addKey(edge.workspace.id, without("lookup:read"));
    const list = async (cursor = "0") =>
      (await edge.api<EventList>(`GET /v1/events?limit=100&cursor=${cursor}`, undefined, { key })).body;
    await live(gone);
    await text(edge, { to: off });
    const before = await list();
    expect(before.events.map(({ type }) => type)).toContain("verification.canceled");
    expect(before.events.map(({ type }) => type)).not.toContain("message.revoked");
    expect(await list(before.nextCursor)).toMatchObject({ events: [], nextCursor: before.nextCursor, hasMore: false });
    edge.advance(2000);
    const { events } = await list(before.nextCursor);
    expect(events.map(({ type }) => type)).toEqual(["message.revoked", "message.queued"]);
    expect(events[0]?.data).toMatchObject({ status: "revoked", failure: null, sentAt: expect.any(String) as string });
    expect((await shownEvents(edge)).map(({ type }) => type)).not.toContain("message.revoked");
  });

  it("has no content of changes, as one whose phone is off, until it is delivered", async () => {
    const { body } = await text(edge, { to: off, sessionId });
    await settle(body.id, off);
    const content = { from: null, text: "new", formerText: "old" };
    const edited = { messageId: body.id, personId: null, content: { change: content } };
    await connector.report(sessionId, "message.edited", edited);
    const shown = async (scopes: Scope[]) => (await shownEvent(edge, "message.edited", { scopes })).change;
    expect(await shown(without("lookup:read"))).toEqual({ from: null, text: null, formerText: null });
    expect(await shown(without())).toEqual(content);
    await connector.report(sessionId, "message.delivered", { messageId: body.id });
    expect(await shown(without("lookup:read"))).toEqual(content);
  });

  it("is undeliverable for the others, who see no later end", async () => {
    await live(gone);
    const types = async (scopes: Scope[]) =>
      (await shownEvents(edge, { scopes })).map(({ type }) => type).filter((type) => !type.startsWith("session."));
    const seen = await types(without());
    expect(seen).toEqual(expect.arrayContaining(["message.failed", "verification.undeliverable"]));
    expect(seen).not.toContain("verification.canceled");
    const hidden = await types(without("lookup:read"));
    expect(hidden).toEqual(expect.arrayContaining(["message.sent", "verification.canceled"]));
    expect(hidden).not.toContain("verification.undeliverable");
    const failure = { reason: "not_on_whatsapp", detail: "The number has no WhatsApp account." };
    const undeliverable = await shownEvent(edge, "verification.undeliverable");
    expect(undeliverable.data).toMatchObject({ status: "undeliverable", delivery: { status: "failed", failure } });
    expect((await shownEvent(edge, "message.failed")).data).toMatchObject({ status: "failed", failure });
  });
});

describe("the sandbox", () => {
  it("has the same events, which say that they are of it", async () => {
    const key = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    const call = async <T>(request: string, body: object) => (await edge.api<T>(request, body, { key })).body;
    const { id } = await call<Verification>("POST /v1/verifications", { to: "+99900000000" });
    await call(`POST /v1/verifications/${id}/check`, { code: "123457" });
    await call(`POST /v1/verifications/${id}/check`, { code: "123456" });
    await call("POST /v1/messages", { to: "+99900000001", type: "text", text: "Hi" });
    await call("POST /v1/batches", { message: { type: "text", text: "Hi" }, recipients: [{ to: "+99900000000" }] });
    for (let i = 0; i < 2; i++) {
      await runCron(edge.services);
      edge.advance(60_000);
    }
    const events = await shownEvents(edge, { test: 1 });
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set([
        "verification.created",
        "message.queued",
        "message.sent",
        "message.delivered",
        "message.read",
        "verification.check_failed",
        "verification.approved",
        "message.failed",
        "batch.finished",
      ]),
    );
    expect(events.every(({ isTest, sessionId: of, data }) => isTest && of === null && data !== null)).toBe(true);
    expect(events.map(({ type }) => type).slice(0, 5)).toEqual([
      "verification.created",
      "message.queued",
      "message.sent",
      "message.delivered",
      "message.read",
    ]);
    expect(events.slice(0, 5).map(({ data }) => data?.["status"])).toEqual([
      "pending",
      "queued",
      "sent",
      "delivered",
      "read",
    ]);
  });
});
