import type { ConnectorEvent } from "@sandi/contracts";
import { expect, test } from "vitest";
import { conversationsOf } from "./support/conversations.ts";
import { until } from "./support/fake-edge.ts";
import { own, user, useLinkedSession } from "./support/linked-session.ts";
import { newId, type Rig, sendJob } from "./support/rig.ts";
import { knownSecrets, leaksIn } from "./support/secrets.ts";

let rig: Rig;
let sessionId: string;
useLinkedSession((started) => ({ rig, sessionId } = started));

type Written = Parameters<Rig["simulator"]["send"]>[1];
const { messages, written, read } = conversationsOf(() => ({ rig, sessionId }));
const settled = () =>
  until("all is confirmed", () => rig.simulator.phone(own).devices.every(({ queued }) => queued === 0));
const changes = () =>
  rig.edge.events.filter(({ type }) =>
    ["message.edited", "message.revoked", "message.reaction", "poll.vote"].includes(type),
  ) satisfies ConnectorEvent[];

const question = { type: "poll", question: "Kapan?", options: ["Pagi", "Sore"], maxSelections: 1 };

test.each([
  ["a reaction", (reactTo: string) => ({ reactTo, emoji: "👍" })],
  ["an edit", (edit: string) => ({ edit, text: "lain" })],
  ["an encrypted edit", (edit: string) => ({ edit, text: "lain", encrypted: true })],
  ["a deletion", (id: string) => ({ delete: id })],
])("%s that overtakes its message does no harm", async (_name, change) => {
  await written(user, { to: own, text: "so that there is a Signal session" });
  rig.simulator.setFault({ kind: "reorder", number: own, times: 1 });
  const { id } = await rig.simulator.send(user, { to: own, text: "halo" });
  await rig.simulator.send(user, { to: own, ...change(id) });
  await until("the message is reported", () => messages().length === 2);
  await settled();
  expect(await read(messages()[1]!.messageId)).toMatchObject([{ content: { text: "halo" } }]);
  const next = await written(user, { to: own, text: "lagi" });
  expect(next.chatId).toBe(messages()[0]!.chatId);
  // It is online all the time, and the next change counts.
  await rig.simulator.send(user, { to: own, reactTo: next.waId, emoji: "🙏" });
  await until("it is reported", () =>
    changes().some((event) => "messageId" in event && event.messageId === next.messageId),
  );
  expect(rig.edge.statesOf(sessionId).filter((state) => state === "online")).toHaveLength(1);
});

test("changes of messages that are unknown are nobody's", async () => {
  const { id: jid } = rig.simulator.createGroup(user, { subject: "Tim", participants: [] });
  const { id } = await rig.simulator.send(user, { to: jid, text: "sebelum" });
  const poll = await rig.simulator.send(user, { to: jid, ...question } as Written);
  rig.simulator.changeParticipants(user, jid, { action: "add", numbers: [own] });
  for (const change of [
    { reactTo: id, emoji: "👍" },
    { edit: id, text: "lain" },
    { edit: id, text: "lain", encrypted: true },
    { voteIn: poll.id, options: ["Pagi"] },
    { delete: id },
  ]) {
    await rig.simulator.send(user, { to: jid, ...change });
  }
  const after = await written(user, { to: jid, text: "sesudah" });
  expect(messages()).toHaveLength(1);
  expect(changes()).toEqual([]);
  expect(await read(after.messageId)).toMatchObject([{ content: { text: "sesudah" } }]);
});

const png = Buffer.from("89504e470d0a1a0a0000000d", "hex").toString("base64");

test.each([
  ["text", { type: "text", text: "lama" }, { type: "text", text: "baru" }],
  ["image", { type: "image", data: png, mimeType: "image/png", caption: "lama" }, { type: "image", caption: "baru" }],
  ["video", { type: "video", data: png, mimeType: "video/mp4", caption: "lama" }, { type: "video", caption: "baru" }],
  [
    "document",
    { type: "document", data: png, mimeType: "application/pdf", fileName: "a.pdf", caption: "lama" },
    { type: "document", caption: "baru", media: { mimeType: "application/pdf", fileName: "a.pdf" } },
  ],
])("an encrypted edit of a message of the kind %s is opened, by either name", async (_name, message, expected) => {
  for (const addressing of ["pn", "lid"] as const) {
    const { waId, messageId } = await written(user, { to: own, addressing, ...message } as Written);
    const before = changes().length;
    await rig.simulator.send(user, { to: own, edit: waId, text: "baru", encrypted: true, addressing });
    await until("the edit is reported", () => changes().length === before + 1);
    expect((await read(messageId))[0]?.content).toMatchObject(expected);
  }
});

test("messages among the account's own devices and their keys are in no event, log or body", async () => {
  await written(user, { to: own, text: "halo" });
  rig.simulator.setFault({ kind: "placeholder", number: own, times: 1 });
  await written(user, { to: own, text: "lewat telepon" });
  const id = newId("msg");
  await rig.edge.accept(id, { to: user, type: "text", text: "Pesanan Anda" });
  await rig.edge.deliverUntilDone("/jobs/send", { ...sendJob(id, sessionId), lane: "normal", pacing: "off" });
  await until("it is read", () => rig.edge.typesOf(id).includes("message.read"));
  // Exactly what people wrote: no app-state keys, no history, no request to the phone.
  expect(messages().map(({ type }) => type)).toEqual(["text", "text"]);
  const secrets = [...(await knownSecrets(rig))].filter((secret) => secret.length >= 20);
  expect(secrets.length).toBeGreaterThan(20);
  const outside = [...rig.edge.bodies, ...rig.log, JSON.stringify(rig.edge.events)].join("\n");
  expect(leaksIn(outside, secrets).filter((leak) => !leak.includes("@"))).toEqual([]);
});
