import type { Message, MessageList, MessageReceipts, Problem } from "@sandi/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

let stack: TestStack;
let own = "";
const [ani, budi, citra] = ["+6281299990001", "+6281299990002", "+6281299990003"];

/** Asks the simulated WhatsApp. */
async function simulate<T>(request: string, body?: object): Promise<T> {
  const [method = "GET", path = ""] = request.split(" ");
  const response = await fetch(`${stack.local.simulatorUrl}${path}`, {
    method,
    ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${request}: ${response.status} ${await response.text()}`);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

beforeAll(async () => {
  stack = await startTestStack();
  const { body } = await stack.api<{ phone: string }>(`GET /v1/sessions/${stack.local.sessionId}`);
  own = body.phone;
  for (const number of [ani, budi, citra]) {
    await stack.addPhone(number);
    await stack.patchPhone(number, { receipts: "read" });
  }
});
afterAll(() => stack.destroy());
beforeEach(() => simulate("DELETE /faults"));

const lidOf = async (number: string) => `${(await simulate<{ lid: string }>(`GET /phones/${number}`)).lid}@lid`;
const newGroup = async (participants: string[]) => {
  const body = { subject: "Warung", participants };
  return (await simulate<{ id: string }>(`POST /phones/${own}/groups`, body)).id;
};

let count = 0;
async function send(message: { to: string; text?: string; quotedMessageId?: string; mentions?: string[] }) {
  const text = message.text ?? `Message ${++count}`;
  const { status, body } = await stack.api<Message>("POST /v1/messages", { type: "text", ...message, text });
  expect([status, body.detail]).toEqual([202, undefined]);
  return { id: body.id, text };
}
const see = async (id: string) => (await stack.api<Message>(`GET /v1/messages/${id}`)).body;
const reached = (id: string, status: Message["status"]) =>
  eventually(`the message to be ${status}`, async () => {
    const message = await see(id);
    return message.status === status && message;
  });
const shown = (number: string, text: string) =>
  eventually(`${number} to show "${text}"`, async () =>
    (await stack.inbox(number)).find((message) => message.text === text),
  );
const receiptsOf = async (id: string) =>
  (await stack.api<MessageReceipts>(`GET /v1/messages/${id}/receipts`)).body.receipts;

/** Somebody writes to the account, or in a group; answers the message in the API. */
async function written(number: string, text: string, to = own): Promise<Message> {
  await stack.write(number, { to, text });
  return eventually("the message in the API", async () => {
    const { body } = await stack.api<MessageList>("GET /v1/messages?direction=inbound&limit=20");
    return body.messages.find(({ content }) => content?.["text"] === text);
  });
}

describe("a message to a group", () => {
  it("is on three phones, and is read when all who stay have read it, each with a receipt", async () => {
    await stack.patchPhone(citra, { receipts: "none" });
    const group = await newGroup([ani, budi, citra]);
    const { id, text } = await send({ to: group });
    for (const number of [ani, budi, citra]) expect(await shown(number, text)).toMatchObject({ from: own });
    const two = await eventually("the receipts of two", async () => {
      const all = await receiptsOf(id);
      return all.length === 2 && all.every(({ readAt }) => readAt !== null) && all;
    });
    expect(new Set(two.map(({ person }) => person?.phone))).toEqual(new Set([ani, budi]));
    const sent = await see(id);
    expect([sent.status, sent.to]).toEqual(["sent", group]);
    await simulate(`DELETE /phones/${citra}/groups/${group}`);
    expect((await reached(id, "read")).readAt).not.toBeNull();
    await stack.patchPhone(citra, { receipts: "read" });
  });

  it("cannot be read by a member who has left, even with the ciphertext", async () => {
    const group = await newGroup([ani, budi]);
    await shown(budi, (await send({ to: group })).text);
    await simulate(`DELETE /phones/${budi}/groups/${group}`);
    await simulate("POST /faults", { kind: "former-member", number: budi });
    const before = await simulate<{ retriesAsked: number }>("GET /stats");
    const secret = await send({ to: group });
    await shown(ani, secret.text);
    await eventually("the former member to ask for it", async () => {
      const { retriesAsked } = await simulate<{ retriesAsked: number }>("GET /stats");
      return retriesAsked > before.retriesAsked;
    });
    const later = await send({ to: group });
    await reached(later.id, "read");
    const texts = (await stack.inbox(budi)).map(({ text }) => text);
    expect(texts.filter((text) => text === secret.text || text === later.text)).toEqual([]);
  });

  it("quotes what a member wrote, and names people", async () => {
    const group = await newGroup([ani, budi, citra]);
    const question = await written(budi, "Is the shop open today?", group);
    const { text } = await send({
      to: question.chatId ?? "",
      text: "Until nine.",
      quotedMessageId: question.id,
      mentions: [ani],
    });
    expect(await shown(citra, text)).toMatchObject({
      quoted: { from: budi, text: "Is the shop open today?" },
      mentions: [ani],
    });
  });

  it("fails with a reason if the account is not in the group", async () => {
    const { id: group } = await simulate<{ id: string }>(`POST /phones/${ani}/groups`, {
      subject: "Others",
      participants: [budi],
    });
    const { id } = await send({ to: group });
    expect((await reached(id, "failed")).failure?.reason).toBe("not_group_member");
  });
});

describe("a message to a chat", () => {
  it("goes to who wrote there, and is listed with what they wrote", async () => {
    const hello = await written(ani, "Hello, is anybody there?");
    const chatId = hello.chatId ?? "";
    const ids: string[] = [];
    for (const to of [chatId, hello.from?.id ?? "", await lidOf(ani), ani]) {
      const { id, text } = await send({ to });
      await shown(ani, text);
      expect((await reached(id, "read")).chatId).toBe(chatId);
      expect(await receiptsOf(id)).toMatchObject([{ person: { id: hello.from?.id, phone: ani } }]);
      ids.push(id);
    }
    const { body } = await stack.api<MessageList>(`GET /v1/messages?chatId=${chatId}`);
    expect(new Set(body.messages.map(({ id }) => id))).toEqual(new Set([hello.id, ...ids]));
  });

  it("quotes what somebody wrote, in the same chat only", async () => {
    const question = await written(ani, "How much is it?");
    const { text } = await send({ to: ani, quotedMessageId: question.id });
    expect(await shown(ani, text)).toMatchObject({ quoted: { from: ani, text: "How much is it?" } });
    const body = { to: budi, type: "text", text: "hi", quotedMessageId: question.id };
    const { status, body: problem } = await stack.api<Problem>("POST /v1/messages", body);
    expect([status, problem.errors?.[0]?.pointer]).toEqual([400, "/quotedMessageId"]);
  });
});

describe("an address that WhatsApp refuses", () => {
  it.each([
    ["the number of a contact that moved to a hidden id", "+6281299990463", 463, "pn"],
    ["the hidden id of a contact that did not", "+6281299990400", 400, "lid"],
  ] as const)(
    "is replaced by the other one, and its recipient sees the message once: %s",
    async (_what, number, code, addressing) => {
      await stack.addPhone(number);
      await stack.patchPhone(number, { receipts: "read" });
      await written(number, `Hello from ${code}`);
      await simulate("POST /faults", { kind: "send-error", code, to: number, addressing });
      const { id, text } = await send({ to: addressing === "pn" ? number : await lidOf(number) });
      await reached(id, "read");
      expect((await stack.inbox(number)).filter((message) => message.text === text).length).toBe(1);
      const { sendErrors } = await simulate<{ sendErrors: number }>("GET /stats");
      await reached((await send({ to: number })).id, "read");
      expect((await simulate<{ sendErrors: number }>("GET /stats")).sendErrors).toBe(sendErrors);
    },
  );

  it("does not keep a code from a contact that moved to a hidden id", async () => {
    const number = "+6281299990464";
    await stack.addPhone(number);
    await simulate("POST /faults", { kind: "send-error", code: 463, to: number, addressing: "pn" });
    const { verification, code } = await stack.sendCode(number);
    const check = await stack.api(`POST /v1/verifications/${verification.id}/check`, { code });
    expect(check.status).toBe(200);
  });

  it("is the only one of a person who hides the number", async () => {
    const number = "+6281299990465";
    await stack.addPhone(number);
    await stack.patchPhone(number, { receipts: "read" });
    await simulate("POST /faults", { kind: "lid-only", number });
    const hello = await written(number, "You do not know my number.");
    expect(hello.from?.phone).toBeNull();
    for (const to of [hello.chatId ?? "", await lidOf(number)]) {
      const { id, text } = await send({ to });
      await shown(number, text);
      await reached(id, "read");
    }
  });
});
