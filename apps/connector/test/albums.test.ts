import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAlbums } from "../src/jobs/albums.ts";
import type { OnlineSession } from "../src/jobs/resolve-session.ts";
import { albumOf, inAlbum } from "../src/content/album.ts";
import { albumId } from "../src/content/whatsapp-ids.ts";

type Ack = { type: "sent" } | { type: "refused"; error: string } | { type: "unknown" };
let frames: { chat: string; waId: string }[];
let acks: (Ack | Error)[];
let session: OnlineSession;
beforeEach(() => {
  frames = [];
  acks = [];
  const awaited = { cancel: () => undefined, within: async () => acks.shift() ?? { type: "sent" } };
  session = {
    fence: { sessionId: "ses_1", fence: 1 },
    live: { connection: { awaitAck: () => awaited } },
    socket: {
      send: async (chat: string, waId: string) => {
        frames.push({ chat, waId });
        if (acks[0] instanceof Error) throw acks.shift();
      },
    },
  } as unknown as OnlineSession;
});
afterEach(() => {
  if (acks.length > 0) throw new Error("an answer was not asked for");
});

const chat = "6281300000002@s.whatsapp.net";
const waId = albumId("ses_1", { to: "+6281300000002", name: "trip" });
const album = { chat, waId, images: 2, videos: 1 };
const open = () => createAlbums({ random: (length) => new Uint8Array(length) }, 1000);

test("an album is opened once for its messages, also for those that are sent at the same time", async () => {
  const albums = open();
  await Promise.all([1, 2, 3].map(() => albums.open(session, album)));
  await albums.open(session, album);
  expect(frames).toEqual([{ chat, waId }]);
});

test.each<[string, Ack | Error]>([
  ["is refused", { type: "refused", error: "479" }],
  ["gets no answer", { type: "unknown" }],
  ["cannot be sent", new Error("no answer")],
])("a frame that %s keeps no file back, and is sent again with the next one", async (_name, ack) => {
  acks = [ack];
  const albums = open();
  await albums.open(session, album);
  await albums.open(session, album);
  expect(frames).toEqual([
    { chat, waId },
    { chat, waId },
  ]);
});

test("the frame has an id of its own for each chat, session and name", () => {
  const ids = [
    waId,
    albumId("ses_2", { to: "+6281300000002", name: "trip" }),
    albumId("ses_1", { to: "+6281300000003", name: "trip" }),
    albumId("ses_1", { to: "+6281300000002", name: "trip 2" }),
  ];
  expect(new Set(ids).size).toBe(4);
  expect(albumId("ses_1", { to: "+6281300000002", name: "trip" })).toBe(waId);
});

test("a message says in which album it is, beside its secret", () => {
  const messageSecret = createHash("sha256").digest();
  const message = inAlbum({ imageMessage: {}, messageContextInfo: { messageSecret } }, { chat, waId });
  expect(message.messageContextInfo?.messageSecret).toBe(messageSecret);
  expect(albumOf(message)).toEqual({ album: { id: waId } });
  expect(albumOf({ imageMessage: {} })).toEqual({});
});
