import type { Message } from "@sandi/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";
import { messagesOf, type ShownMessage } from "../src/simulated-phones.ts";

let stack: TestStack;
const { simulator, messagesOn, call, read, isRead, sent, written } = messagesOf(() => stack);
let own: string;
let user: string;
beforeAll(async () => {
  stack = await startTestStack();
  user = stack.local.userPhone ?? "";
  own = (await stack.api<{ phone: string }>(`GET /v1/sessions/${stack.local.sessionId}`)).body.phone;
});
afterAll(() => stack.destroy());
beforeEach(() => simulator("DELETE", "/faults"));

const timeline = async (id: string) => {
  const { body } = await stack.api<{ events: { type: string }[] }>(`GET /v1/messages/${id}/events`);
  return body.events.map(({ type }) => type);
};

/** Waits until a phone shows a message so. */
async function shows(number: string, waId: string, isSo: (message: ShownMessage) => unknown): Promise<ShownMessage> {
  return eventually(`${number} to show it`, async () =>
    (await messagesOn(number)).find((message) => message.id === waId && Boolean(isSo(message))),
  );
}

const happened = (id: string, type: string) =>
  eventually(`${type} in the timeline`, async () => (await timeline(id)).includes(type));

const sentToUser = (content: object) => sent("POST /v1/messages", { to: user, ...content });

const group = () =>
  simulator<{ id: string }>("POST", `/phones/${user}/groups`, { subject: "Warung", participants: [own] });

describe("an edit", () => {
  it("of a text is on the phone, in the API and in the timeline, and keeps the metadata", async () => {
    const { id, waId } = await sentToUser({ type: "text", text: "Pukul 9", metadata: { order: 1 } });
    const edited = await call(`PATCH /v1/messages/${id}`, { text: "Pukul 10" });
    expect([edited.status, edited.body.editedAt]).toEqual([200, expect.any(String)]);
    expect(await shows(user, waId, ({ editedAt }) => editedAt)).toMatchObject({ kind: "text", text: "Pukul 10" });
    await happened(id, "message.edited");
    expect(await read(id)).toMatchObject({
      content: { type: "text", text: "Pukul 10" },
      editedAt: expect.any(String),
      metadata: { order: 1 },
    });
  });

  it("of a caption keeps the file", async () => {
    const gif = "R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==";
    const { id, waId } = await sentToUser({
      type: "document",
      media: { data: gif, mimeType: "image/gif" },
      caption: "Nota",
    });
    const { content: before } = await read(id);
    expect((await call(`PATCH /v1/messages/${id}`, { caption: "Nota lunas" })).status).toBe(200);
    expect(await shows(user, waId, ({ editedAt }) => editedAt)).toMatchObject({ kind: "document", text: "Nota lunas" });
    const { content } = await isRead(id, ({ editedAt }) => editedAt);
    expect(content).toEqual({ ...before, caption: "Nota lunas" });
  });
});

describe("a deletion for everyone", () => {
  it("takes a message that was read from the phone", async () => {
    await stack.patchPhone(user, { receipts: "read" });
    const { id, waId } = await sentToUser({ type: "text", text: "Salah kirim" });
    await isRead(id, ({ status }) => status === "read");
    const { status, body } = await call(`DELETE /v1/messages/${id}?for=everyone`);
    expect([status, body.status]).toEqual([200, "revoked"]);
    await shows(user, waId, ({ kind }) => kind === "revoked");
    expect(await isRead(id, (message) => message.status === "revoked")).toMatchObject({
      content: null,
      contentState: "dropped",
      revokedAt: expect.any(String),
    });
    await happened(id, "message.revoked");
    expect((await call(`DELETE /v1/messages/${id}?for=everyone`)).status).toBe(200);
    expect((await call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" })).body.code).toBe("message-not-actionable");
  });

  it("of what others wrote is for admins of the group", async () => {
    const { id: jid } = await group();
    const { id, waId } = await written(user, { to: jid, text: "spam" });
    const refused = await call(`DELETE /v1/messages/${id}?for=everyone`);
    expect([refused.status, refused.body.code]).toEqual([403, "not-group-admin"]);
    await simulator("POST", `/phones/${user}/groups/${encodeURIComponent(jid)}/participants`, {
      action: "promote",
      numbers: [own],
    });
    expect((await call(`DELETE /v1/messages/${id}?for=everyone`)).status).toBe(200);
    await shows(user, waId, ({ kind }) => kind === "revoked");
    await isRead(id, ({ status }) => status === "revoked");
  });
});

describe("a reaction", () => {
  it("is on the phone and in the API, until it is taken back", async () => {
    const { id, waId } = await written(user, { to: own, text: "Apakah buka?" });
    expect((await call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" })).status).toBe(200);
    expect(await shows(user, waId, ({ reactions }) => reactions?.length)).toMatchObject({
      reactions: [{ from: own, emoji: "👍" }],
    });
    expect(await isRead(id, ({ reactions }) => reactions.length)).toMatchObject({
      reactions: [{ from: null, emoji: "👍" }],
    });
    await happened(id, "message.reaction");
    expect((await call(`DELETE /v1/messages/${id}/reaction`)).status).toBe(200);
    await shows(user, waId, ({ reactions }) => reactions?.length === 0);
    await isRead(id, ({ reactions }) => reactions.length === 0);
  });

  it("in a group, and to a message of the API", async () => {
    const { id: jid } = await group();
    const theirs = await written(user, { to: jid, text: "Halo semua" });
    const ours = await sentToUser({ type: "text", text: "Pesanan Anda" });
    for (const { id, waId } of [theirs, ours]) {
      expect((await call(`PUT /v1/messages/${id}/reaction`, { emoji: "🙏" })).status).toBe(200);
      await shows(user, waId, ({ reactions }) => reactions?.[0]?.emoji === "🙏");
      await isRead(id, ({ reactions }) => reactions[0]?.emoji === "🙏");
    }
  });
});

it("a pin is on the phone and in the API, until it is taken back", async () => {
  const { id, waId } = await sentToUser({ type: "text", text: "Alamat kami" });
  expect((await call(`PUT /v1/messages/${id}/pin`, { seconds: 86_400 })).body.isPinned).toBe(true);
  await shows(user, waId, ({ isPinned }) => isPinned);
  expect((await read(id)).isPinned).toBe(true);
  expect((await call(`DELETE /v1/messages/${id}/pin`)).body.isPinned).toBe(false);
  await shows(user, waId, ({ isPinned }) => isPinned === false);
  expect((await read(id)).isPinned).toBe(false);
});

describe("a vote", () => {
  const poll = { type: "poll", question: "Kapan?", options: ["Pagi", "Sore"], maxSelections: 1 };

  it.each(["the API's", "a person's"])("in %s poll is on the phone and counted", async (whose) => {
    const { id, waId } = whose === "the API's" ? await sentToUser(poll) : await written(user, { to: own, ...poll });
    expect((await call(`POST /v1/messages/${id}/votes`, { options: ["Sore"] })).status).toBe(200);
    expect(await shows(user, waId, ({ votes }) => votes?.length)).toMatchObject({
      votes: [{ from: own, options: ["Sore"] }],
    });
    await simulator("POST", `/phones/${user}/messages`, { to: own, voteIn: waId, options: ["Sore"] });
    const counted = await eventually("both votes", async () => {
      const { body } = await stack.api<Pick<Message, "votes">>(`GET /v1/messages/${id}/votes`);
      return body.votes[1]?.count === 2 && body.votes;
    });
    expect(counted).toMatchObject([
      { option: "Pagi", count: 0, people: [] },
      { option: "Sore", count: 2, people: expect.arrayContaining([null, expect.objectContaining({ phone: user })]) },
    ]);
    await happened(id, "poll.vote");
    expect((await call(`POST /v1/messages/${id}/votes`, { options: [] })).status).toBe(200);
    await shows(user, waId, ({ votes }) => votes?.every(({ from }) => from !== own));
  });

  it("is refused for other options, and for what is no poll", async () => {
    const { id } = await sentToUser(poll);
    expect((await call(`POST /v1/messages/${id}/votes`, { options: ["Malam"] })).body.code).toBe("vote-not-valid");
    const text = await sentToUser({ type: "text", text: "halo" });
    expect((await call(`POST /v1/messages/${text.id}/votes`, { options: ["Pagi"] })).body.code).toBe("not-a-poll");
  });
});

describe("an action whose ack is lost", () => {
  it("is one message on the phone when it is repeated with the same Idempotency-Key", async () => {
    const { id, waId } = await written(user, { to: own, text: "Sudah sampai?" });
    await simulator("POST", "/faults", { kind: "no-ack", to: user, times: 1 });
    const react = () => call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" }, { "idempotency-key": "react-1" });
    const unknown = await react();
    expect([unknown.status, unknown.body.code, unknown.body.retryable]).toEqual([504, "outcome-unknown", true]);
    const stanzas = async () => (await simulator<{ duplicateDeliveries: number }>("GET", "/stats")).duplicateDeliveries;
    const before = await stanzas();
    const found = await eventually("the first request to end", async () => {
      const answer = await react();
      return answer.body.code !== "idempotency-in-progress" && answer;
    });
    expect(found.status).toBe(200);
    expect(await shows(user, waId, ({ reactions }) => reactions?.length)).toMatchObject({
      reactions: [{ from: own, emoji: "👍" }],
    });
    expect(await stanzas()).toBe(before);
    await isRead(id, ({ reactions }) => reactions.length === 1);
    expect((await timeline(id)).filter((type) => type === "message.reaction")).toHaveLength(1);
    const replayed = await react();
    expect([replayed.status, replayed.headers.get("idempotent-replayed")]).toEqual([200, "true"]);
  });
});

it("an action is refused while the session is offline", async () => {
  const { id } = await written(user, { to: own, text: "Halo?" });
  const session = `/v1/sessions/${stack.local.sessionId}`;
  const isNow = (state: string) =>
    eventually(`the session to be ${state}`, async () => {
      const { body } = await stack.api<{ state: string }>(`GET ${session}`);
      return body.state === state;
    });
  await stack.api(`POST ${session}/stop`);
  await isNow("stopped");
  const refused = await call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" });
  expect([refused.status, refused.body.code]).toEqual([409, "session-not-online"]);
  await stack.api(`POST ${session}/start`);
  await isNow("online");
  expect((await call(`PUT /v1/messages/${id}/reaction`, { emoji: "👍" })).status).toBe(200);
});
