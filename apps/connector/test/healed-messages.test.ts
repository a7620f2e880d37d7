import type { ConnectorEvent, StoredMessage } from "@sandi/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemServices } from "../src/services.ts";
import { until } from "./support/fake-edge.ts";
import { type Rig, startRig } from "./support/rig.ts";

const own = "+6281200000001";
const user = "+6281300000002";
/** After this time a message that cannot be read is reported. */
const healMs = 10_000;

let rig: Rig;
let sessionId: string;
/** What is to happen when the time for healing is over: the tests decide when that is. */
let overdue: (() => void)[];
beforeEach(async () => {
  overdue = [];
  const after: typeof systemServices.after = (ms, run) => {
    if (ms !== healMs) return systemServices.after(ms, run);
    overdue.push(run);
    return () => undefined;
  };
  rig = await startRig({ services: { chance: () => 0, after } });
  sessionId = await rig.pair(own);
  rig.simulator.createPhone({ number: user });
});
afterEach(() => rig.close());

type Received = Extract<ConnectorEvent, { type: "message.received" }>;
const received = () =>
  rig.edge.events.filter((event): event is Received => event.type === "message.received" && !event.token);
const types = () => received().map(({ message }) => message?.type);
async function read(messageId = ""): Promise<StoredMessage | undefined> {
  const response = await rig.edge.rpc("/rpc/messages/read", { sessionId, messageIds: [messageId] });
  return ((await response.json()) as { messages: StoredMessage[] }).messages[0];
}
const timeIsOver = () => until("it waits", () => overdue.splice(0).map((run) => run()).length > 0);
/** A message behind the others, so that all of them have had their effect. */
async function afterwards(): Promise<void> {
  const { id } = await rig.simulator.send(user, { to: own, text: "SV-ZZZZZZZZZZZZZ" });
  expect(id).not.toBe("");
  await until("it is reported", () => rig.edge.events.some((event) => "token" in event && event.token !== null));
}

test("a message without its content is reported once, with what the account's phone has of it", async () => {
  rig.simulator.setFault({ kind: "placeholder", number: own, times: 1 });
  await rig.simulator.send(user, { to: own, text: "halo" });
  await until("it is reported", () => received().length === 1);
  expect(received()).toMatchObject([{ from: user, message: { type: "text", origin: null } }]);
  expect(await read(received()[0]?.message?.messageId)).toMatchObject({
    content: { type: "text", text: "halo" },
    from: { phone: user },
  });
  await timeIsOver();
  await afterwards();
  expect(types()).toEqual(["text"]);
});

test("in a group, too", async () => {
  const { id: jid } = rig.simulator.createGroup(user, { subject: "Tim", participants: [own] });
  rig.simulator.setFault({ kind: "placeholder", number: own, times: 1 });
  await rig.simulator.send(user, { to: jid, text: "halo semua" });
  await until("it is reported", () => received().length === 1);
  expect(received()).toMatchObject([{ from: user, message: { type: "text", chatKind: "group" } }]);
  expect((await read(received()[0]?.message?.messageId))?.content).toMatchObject({ text: "halo semua" });
});

test("while the phone is off it is reported as such, and heals under the same id when the phone is back", async () => {
  rig.simulator.updatePhone(own, { online: false });
  rig.simulator.setFault({ kind: "placeholder", number: own, times: 1 });
  await rig.simulator.send(user, { to: own, text: "halo" });
  await timeIsOver();
  await until("it is reported", () => received().length === 1);
  const { messageId = "" } = received()[0]?.message ?? {};
  expect(types()).toEqual(["undecryptable"]);
  expect(await read(messageId)).toMatchObject({ id: messageId, content: null });
  expect(received()[0]).not.toHaveProperty("content");

  rig.simulator.updatePhone(own, { online: true });
  await until("it is healed", () => received().length === 2);
  expect(received()[1]).toMatchObject({ from: user, message: { messageId, type: "text" } });
  expect(await read(messageId)).toMatchObject({ content: { type: "text", text: "halo" } });
  expect(received()[1]?.content?.message).toMatchObject({ content: { type: "text", text: "halo" } });
  await rig.simulator.send(user, { to: own, text: "lagi" });
  await until("the next one is reported", () => received().length === 3);
});

test("a message that is sent again after it was reported heals under the same id", async () => {
  await rig.simulator.send(user, { to: own, text: "so that there is a Signal session" });
  await until("it is reported", () => received().length === 1);
  // The author's phone is slow to answer the request.
  rig.simulator.updatePhone(own, { online: false });
  rig.simulator.setFault({ kind: "corrupt-to-companion", number: own, times: 4 });
  await rig.simulator.send(user, { to: own, text: "rusak" });
  await timeIsOver();
  await until("both are there", () => received().length === 3);
  expect(types()).toEqual(["text", "undecryptable", "text"]);
  const [, first, second] = received();
  expect(second?.message?.messageId).toBe(first?.message?.messageId);
  expect((await read(first?.message?.messageId))?.content).toMatchObject({ text: "rusak" });
});

test("of a view-once message the kind is known and the content is not, and it waits for nothing", async () => {
  const data = Buffer.from("89504e470d0a1a0a", "hex").toString("base64");
  await rig.simulator.send(user, { to: own, type: "image", data, mimeType: "image/png", isViewOnce: true });
  await until("it is reported", () => received().length === 1);
  expect(received()).toMatchObject([{ message: { type: "unsupported", isViewOnce: true } }]);
  expect((await read(received()[0]?.message?.messageId))?.content).toEqual({ type: "unsupported" });
  expect(overdue).toEqual([]);
});
