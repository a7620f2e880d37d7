import { createId, eventsPath, tokenIn } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { expect, it } from "vitest";
import { chatId, messageId, otherChatId, personId, receive } from "./events-world.ts";
import { failWrites } from "./fail-writes.ts";
import { recipient, text, verify } from "./senders.ts";
import { useWebhooks } from "./use-webhooks.ts";
import type { Webhooks } from "./webhooks-world.ts";

let world: Webhooks;
useWebhooks((started) => (world = started));

const sent = async () => {
  const { body } = await text(world.edge);
  await world.connector.claim(body.id, world.session);
  await world.connector.sent(body.id, world.session);
  return { messageId: body.id };
};
const received = async () => {
  await receive(world.edge, world.session);
  return { messageId };
};
const token = async () => {
  const { body } = await verify(world.edge, { to: recipient, mode: "inbound" });
  return { from: recipient, token: tokenIn(body.inbound!.text), isForwarded: false };
};
const flags = { type: "text", isViewOnce: false, isOffline: false };
const message = { messageId, chatId, chatKind: "person", personId, origin: null, to: null, ...flags };
const until = () => new Date(world.edge.services.now().getTime() + 3_600_000).toISOString();

/** What a connector reports, the event that comes of it, and what is there before. */
const reports: [reported: string, event: string, prepare: () => Promise<object>][] = [
  ["message.received", "message.received", async () => ({ from: recipient, token: null, isForwarded: false, message })],
  ["message.received", "verification.received", token],
  ["message.edited", "message.edited", async () => ({ ...(await received()), personId })],
  ["message.revoked", "message.revoked", received],
  ["message.deleted", "message.deleted", received],
  ["message.reaction", "message.reaction", async () => ({ ...(await sent()), personId })],
  ["message.reply", "message.reply", async () => ({ ...(await sent()), personId, replyId: messageId })],
  ["poll.vote", "poll.vote", async () => ({ ...(await sent()), personId })],
  ["message.played", "message.played", sent],
  ["chat.merged", "chat.merged", async () => ({ chatId, mergedIds: [otherChatId] })],
  [
    "session.limits",
    "session.limits",
    async () => ({ newChatsLockedUntil: until(), newChats: null, pausedUntil: null }),
  ],
  [
    "session.state",
    "session.account",
    async () => ({ state: "online", reason: null, phone: "+6281200000009", revision: 1 }),
  ],
];

it.each(reports)(
  "a connector's %s whose transaction fails is no %s, and its repetitions are one",
  async (type, name, prepare) => {
    const more = await prepare();
    await world.subscribe(["*"]);
    const { edge } = world;
    const at = edge.services.now();
    const event = {
      id: createId("evt", at, webRandom(10)),
      seq: 1_000,
      sessionId: world.session,
      at: at.toISOString(),
    };
    const apply = () => edge.internal(eventsPath, { connectorId: "a", events: [{ ...event, type, ...more }] });
    const events = () => edge.rows("SELECT type, data FROM event");
    const before = await events();
    let failures = 0;
    for (let failing = 1; ; failing++) {
      const restore = failWrites(edge, (count) => count === failing);
      const { status } = await apply();
      await edge.settled();
      restore();
      if (status === 200) break;
      failures++;
      expect([status, await events()]).toEqual([500, before]);
    }
    expect(failures).toBeGreaterThan(0);
    for (let times = 1; times <= 2; times++) expect((await apply()).status).toBe(200);
    await edge.settled();
    await world.cron();
    await world.run(edge.services.now().getTime() + 60_000);
    expect((await events()).slice(before.length).filter((each) => each["type"] === name)).toHaveLength(1);
    expect(world.received().filter(({ event: { type: got } }) => got === name)).toHaveLength(1);
  },
);
