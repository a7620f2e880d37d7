import {
  type InboundMedia,
  inboundMediaHeaders,
  inboundMediaText,
  mediaPath,
  type Problem,
  type StoredMedia,
} from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { asConnector, bytesOf, pattern, sha256, streamOf } from "./media-world.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
const file = pattern(6_000_000);

beforeEach(async () => {
  sessionId = await edge.addSession();
});

const announced = (more: Partial<InboundMedia> = {}): InboundMedia => ({
  sessionId,
  uploadId: "3EB0C767D26A1F:0",
  mimeType: "image/jpeg",
  sizeBytes: file.length,
  sha256: sha256(file),
  ...more,
});

interface Sent {
  body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** What the token signs, if not what the headers say. */
  signed?: InboundMedia;
  headers?: Record<string, string>;
}

async function send(media: InboundMedia, { body = file, signed = media, headers = {} }: Sent = {}) {
  const token = await edge.sign({ method: "POST", path: mediaPath, body: inboundMediaText(signed) });
  const request = new Request(`https://api.test${mediaPath}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, ...inboundMediaHeaders(media), ...headers },
    body,
    duplex: "half",
  } as RequestInit);
  const answer = await edge.fetch(request);
  return { status: answer.status, body: await answer.json<StoredMedia & Problem>() };
}

const left = async () => {
  await edge.settled();
  return [
    await edge.count("media"),
    edge.media.objects.size,
    edge.media.uploads.size,
    await edge.count("media_object"),
  ];
};

describe("a file that a session received", () => {
  it("is stored with what its phone says of it, for the session's workspace", async () => {
    const media = announced({ mimeType: "video/x-rare", fileName: "été “1”.mkv" });
    const { status, body } = await send(media);
    expect(status).toBe(200);
    const shown = await edge.api(`GET /v1/media/${body.mediaId}`);
    expect(shown.body).toMatchObject({
      mimeType: "video/x-rare",
      sizeBytes: file.length,
      sha256: sha256(file),
      fileName: "été “1”.mkv",
    });
    expect(sha256(await bytesOf(await asConnector(edge, body.mediaId ?? "")))).toBe(sha256(file));
    const stranger = await edge.addWorkspace();
    expect((await edge.api(`GET /v1/media/${body.mediaId}`, undefined, { key: stranger.key })).status).toBe(404);
  });

  it.each([
    ["../../etc/a.pdf", "a.pdf"],
    ["gpj.\u202efdp", "gpj.fdp"],
    ["a\r\nb.pdf", "ab.pdf"],
    ["\ud800.pdf", "\ufffd.pdf"],
    ["/", null],
    ["x".repeat(300), "x".repeat(120)],
  ])("is stored under a clean name if its phone names it %j", async (fileName, clean) => {
    const { status, body } = await send(announced({ fileName }));
    expect(status).toBe(200);
    expect((await edge.api(`GET /v1/media/${body.mediaId}`)).body).toMatchObject({ fileName: clean });
  });

  it("is stored once for each upload id of a session, also when two send it at once", async () => {
    const first = await send(announced());
    expect((await send(announced(), { body: streamOf([new Uint8Array(9)]) })).body).toEqual(first.body);
    expect(await left()).toEqual([1, 1, 0, 0]);
    const both = await Promise.all([1, 2].map(() => send(announced({ uploadId: "two" }))));
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    expect(both[0]?.body).toEqual(both[1]?.body);
    expect(await left()).toEqual([2, 2, 0, 0]);
    const other = await edge.addSession();
    expect((await send(announced({ sessionId: other }))).body.mediaId).not.toBe(first.body.mediaId);
  });

  it("is refused if its bytes are not the announced ones, and leaves nothing", async () => {
    const shorter = file.slice(0, -1);
    const longer = streamOf([file, new Uint8Array(1)]);
    const changed = file.slice();
    changed[5_999_999]! ^= 1;
    for (const [body, status] of [
      [shorter, 400],
      [longer, 413],
      [changed, 400],
      [new Uint8Array(), 400],
    ] as const) {
      expect((await send(announced(), { body })).status).toBe(status);
      expect(await left()).toEqual([0, 0, 0, 0]);
    }
  });

  it("needs a token for these headers, once", async () => {
    for (const signed of [
      announced({ uploadId: "x" }),
      announced({ sha256: sha256(pattern(9)) }),
      announced({ fileName: "x" }),
    ]) {
      expect((await send(announced(), { signed })).status).toBe(401);
    }
    const request = (headers: Record<string, string>) =>
      edge.fetch(new Request(`https://api.test${mediaPath}`, { method: "POST", headers, body: file }));
    expect((await request(inboundMediaHeaders(announced()))).status).toBe(401);
    const token = await edge.sign({ method: "POST", path: mediaPath, body: inboundMediaText(announced()) });
    const headers = { authorization: `Bearer ${token}`, ...inboundMediaHeaders(announced()) };
    expect([(await request(headers)).status, (await request(headers)).status]).toEqual([200, 401]);
  });

  it("is refused with wrong headers, and for a session that is not there", async () => {
    for (const wrong of [
      { "sandi-media-size": "0" },
      { "sandi-media-size": String(96 * 1024 * 1024) },
      { "sandi-media-sha256": "x" },
      { "sandi-session-id": "x" },
      { "sandi-file-name": "%" },
      { "sandi-file-name": "a".repeat(256) },
      { "content-type": "x" },
    ]) {
      expect((await send(announced(), { headers: wrong })).status).toBe(400);
    }
    const { status, body } = await send(announced({ sessionId: `ses_${"0".repeat(26)}` }));
    expect([status, body.code]).toEqual([404, "session-not-found"]);
    expect(await left()).toEqual([0, 0, 0, 0]);
  });
});
