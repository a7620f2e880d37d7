import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";
import { messagesOf } from "../src/simulated-phones.ts";

const third = "+6281300000033";

let stack: TestStack;
const { simulator, messagesOn, call, read, listed, isRead, sent, written } = messagesOf(() => stack);
let own: string;
let user: string;
let sessionId: string;
beforeAll(async () => {
  stack = await startTestStack();
  user = stack.local.userPhone ?? "";
  sessionId = stack.local.sessionId;
  own = (await stack.api<{ phone: string }>(`GET /v1/sessions/${sessionId}`)).body.phone;
  await simulator("POST", "/phones", { number: third });
});
afterAll(() => stack.destroy());
beforeEach(() => simulator("DELETE", "/faults"));

const shownOn = async (number: string, waId: string) => (await messagesOn(number)).find(({ id }) => id === waId);
const onPhone = (action: object) => simulator("POST", `/phones/${own}/messages`, { to: user, ...action });
const isListed = async (id: string) => (await listed()).some((message) => message.id === id);
const writtenToUs = (message: Record<string, unknown>) => written(user, { to: own, ...message });

const text = () => sent("POST /v1/messages", { to: user, type: "text", text: "Your order is on its way." });

describe("a star", () => {
  it.each([
    ["received", () => writtenToUs({ text: "Thanks" })],
    ["sent through the API", text],
  ])("of a message that was %s goes from the API to the phone, and back", async (_, make) => {
    const { id, waId } = await make();
    expect((await call(`PUT /v1/messages/${id}/star`)).body).toMatchObject({ id, isStarred: true });
    await eventually("the star on the phone", async () => (await shownOn(own, waId))?.isStarred);
    expect(await read(id)).toMatchObject({ isStarred: true });
    expect(await shownOn(user, waId)).not.toHaveProperty("isStarred");
    await onPhone({ unstar: waId });
    await isRead(id, ({ isStarred }) => !isStarred);
    await onPhone({ star: waId });
    await isRead(id, ({ isStarred }) => isStarred);
    expect((await call(`DELETE /v1/messages/${id}/star`)).body).toMatchObject({ isStarred: false });
    await eventually("no star on the phone", async () => (await shownOn(own, waId))?.isStarred === false);
  });

  it("is set although another device was faster, twice", async () => {
    const { id, waId } = await writtenToUs({ text: "Thanks again" });
    await simulator("POST", "/faults", { kind: "app-state", number: own, says: "conflict", times: 2 });
    expect((await call(`PUT /v1/messages/${id}/star`)).status).toBe(200);
    await eventually("the star on the phone", async () => (await shownOn(own, waId))?.isStarred);
    expect(await simulator("GET", "/faults")).toEqual([]);
  });
});

describe("a deletion for the account alone", () => {
  it("through the API takes the message from the phone and from lists, and not from its author", async () => {
    const { id, waId } = await writtenToUs({ text: "Secret" });
    const { body } = await call(`DELETE /v1/messages/${id}?for=me`);
    expect(body).toMatchObject({ id, status: "received", deletedAt: expect.any(String) });
    await eventually("it is gone from the phone", async () => !(await shownOn(own, waId)));
    const shown = await isRead(id, ({ deletedAt }) => deletedAt);
    expect(shown).toMatchObject({ content: null, contentState: "dropped" });
    expect(await isListed(id)).toBe(false);
    expect(await shownOn(user, waId)).toMatchObject({ text: "Secret" });
    expect((await call(`DELETE /v1/messages/${id}?for=me`)).body.deletedAt).toBe(shown.deletedAt);
  });

  it("on the phone does the same", async () => {
    const { id, waId } = await text();
    await eventually("it is on the own phone", () => shownOn(own, waId));
    await onPhone({ deleteForMe: waId });
    await isRead(id, ({ deletedAt }) => deletedAt);
    expect(await isListed(id)).toBe(false);
    expect((await call(`POST /v1/messages/${id}/forward`, { to: third })).body.code).toBe("message-not-forwardable");
  });
});

describe("a forwarded message", () => {
  it("is the received text, without what it quotes, and can be forwarded again", async () => {
    const { waId: quotedMessageId } = await writtenToUs({ text: "Shall we?" });
    const { id } = await writtenToUs({ text: "Yes, at nine.", quotedMessageId });
    const first = await sent(`POST /v1/messages/${id}/forward`, { to: third });
    expect(first.shown).toMatchObject({ kind: "text", text: "Yes, at nine.", forwarded: true });
    expect(first.shown).not.toHaveProperty("quoted");
    expect(await read(first.id)).toMatchObject({
      type: "text",
      isForwarded: true,
      sessionId,
      content: { type: "text", text: "Yes, at nine." },
    });
    const second = await sent(`POST /v1/messages/${first.id}/forward`, { to: user });
    expect(second.shown).toMatchObject({ text: "Yes, at nine.", forwarded: true });
  });

  it("brings the file of a received picture, which is not uploaded again", async () => {
    const data = Buffer.from(
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
      "base64",
    );
    const picture = { type: "image", data: data.toString("base64"), mimeType: "image/png", caption: "Our shop" };
    const { id, waId } = await writtenToUs(picture);
    await simulator("POST", "/faults", { kind: "media-error", status: 500, at: "upload", by: "companion" });
    const { shown } = await sent(`POST /v1/messages/${id}/forward`, { to: third });
    expect(shown).toMatchObject({ kind: "image", caption: "Our shop", forwarded: true });
    expect(shown.media).toEqual((await shownOn(user, waId))?.media);
    expect(shown.media).not.toHaveProperty("problem");
  });

  it("fails with its reason when the connector keeps the first one no more", async () => {
    const { id } = await writtenToUs({ type: "image", data: "aGVsbG8=", mimeType: "image/png", isViewOnce: true });
    expect((await call(`POST /v1/messages/${id}/forward`, { to: third })).body.code).toBe("message-not-forwardable");
    await call("PATCH /v1/workspace", { policy: { messageContent: "drop" } });
    const dropped = await eventually("a message without content", async () => {
      const { id: one } = await writtenToUs({ text: "Not kept" });
      return (await read(one)).contentState === "dropped" && one;
    });
    const { body } = await call(`POST /v1/messages/${dropped}/forward`, { to: third });
    const failed = await isRead(body.id, ({ failure }) => failure);
    expect(failed).toMatchObject({ status: "failed", failure: { reason: "content_not_kept" } });
    await call("PATCH /v1/workspace", { policy: { messageContent: "keep" } });
  });
});
