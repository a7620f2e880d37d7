import type { Message } from "@sandi/contracts";
import { beforeEach, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { fileOf } from "./media-world.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
beforeEach(async () => {
  await edge.addSession();
});

const media = (name: "jpeg" | "mp4") => ({ data: Buffer.from(fileOf(name, 1000)).toString("base64") });
const send = (album: unknown, more: object = {}) =>
  edge.api<Message>("POST /v1/messages", { to: "+6281234567890", type: "image", media: media("jpeg"), album, ...more });

it("a picture is sealed with its album", async () => {
  const { status, body } = await send({ id: "trip", images: 2 });
  expect([status, body.detail]).toEqual([202, undefined]);
  const [row] = await edge.rows("SELECT sealed FROM message WHERE id = ?", body.id);
  expect(await edge.unseal(String(row?.["sealed"]))).toMatchObject({ album: { id: "trip", images: 2, videos: 0 } });
});

it.each([
  ["one file only", { id: "trip", images: 1 }, {}, "/album"],
  ["more than 30", { id: "trip", images: 30, videos: 1 }, {}, "/album"],
  ["no name", { images: 2 }, {}, "/album/id"],
  ["a name that is too long", { id: "x".repeat(65), images: 2 }, {}, "/album/id"],
  ["a picture that is seen once", { id: "trip", images: 2 }, { isViewOnce: true }, "/isViewOnce"],
  ["a GIF", { id: "trip", videos: 2 }, { type: "video", media: media("mp4"), isGif: true }, "/isGif"],
  ["a video note", { id: "trip", videos: 2 }, { type: "video", media: media("mp4"), isNote: true }, "/isNote"],
])("an album with %s is refused", async (_name, album, more, pointer) => {
  const { status, body } = await send(album, more);
  expect([status, body.errors?.map((error) => error.pointer)]).toEqual([400, [pointer]]);
});
