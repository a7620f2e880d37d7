import type { Message, MessageDryRun } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { addMedia, fileOf, sha256 } from "./media-world.ts";
import { recipient, text } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
beforeEach(async () => {
  await edge.addSession();
});

const jpeg = fileOf("jpeg", 100_000);
const data = Buffer.from(jpeg).toString("base64");
const url = "https://cdn.example.com/cat.jpg";
const sources = { data: { data }, url: { url } } as const;
const hourMs = 3_600_000;

const send = (body: object, headers: Record<string, string> = {}) =>
  edge.api<Message>("POST /v1/messages", { to: recipient, ...body }, { headers });

/** Rows, objects and noted objects. */
async function stored() {
  await edge.settled();
  return [await edge.count("media"), edge.media.objects.size, await edge.count("media_object")];
}

async function sealedOf(id: string) {
  const [row] = await edge.rows("SELECT sealed FROM message WHERE id = ?", id);
  return edge.unseal(String(row?.["sealed"]));
}

beforeEach(() => {
  edge.site = () => new Response(jpeg, { headers: { "content-type": "image/jpeg" } });
});

describe("a message with a file", () => {
  it.each(Object.entries(sources))("stores the %s once, also when it is repeated", async (_name, media) => {
    const body = { type: "image", media, caption: "Your receipt" };
    const headers = { "idempotency-key": "a" };
    const first = await send(body, headers);
    expect([first.status, first.body.detail]).toEqual([202, undefined]);
    const [file] = await edge.rows("SELECT id, file_name, expires_at, used_until FROM media");
    const name = file?.["file_name"];
    expect(await sealedOf(first.body.id)).toEqual({
      to: recipient,
      type: "image",
      caption: "Your receipt",
      media: {
        mediaId: file?.["id"],
        mimeType: "image/jpeg",
        sizeBytes: jpeg.length,
        sha256: sha256(jpeg),
        ...(name === null ? {} : { fileName: name }),
      },
    });
    expect(file?.["expires_at"]).toBeNull();
    expect(file?.["used_until"]).toBeGreaterThan(Date.parse(first.body.expiresAt));
    edge.site = () => Promise.reject(new Error("it is fetched again"));
    const again = await send(body, headers);
    expect([again.status, again.body.id, again.headers.get("idempotent-replayed")]).toEqual([
      202,
      first.body.id,
      "true",
    ]);
    expect((await send({ ...body, caption: "Another" }, headers)).body.code).toBe("idempotency-key-reused");
    expect(await stored()).toEqual([1, 1, 0]);
  });

  it("that is sent twice at the same time with one key stores one file", async () => {
    const body = { type: "image", media: { data } };
    const answers = await Promise.all([1, 2, 3].map(() => send(body, { "idempotency-key": "b" })));
    expect(new Set(answers.map(({ body: { id } }) => id)).size).toBe(1);
    expect(await edge.count("message")).toBe(1);
    expect(await stored()).toEqual([1, 1, 0]);
  });

  it("that is refused leaves no file behind", async () => {
    await edge.api("POST /v1/access-rules", { effect: "block", kind: "country", value: "ID" });
    for (const media of Object.values(sources)) {
      expect((await send({ type: "image", media })).body.code).toBe("destination-blocked");
      expect(await stored()).toEqual([0, 0, 0]);
    }
  });

  it("that quotes an unknown message fetches no file", async () => {
    edge.site = () => Promise.reject(new Error("it is fetched"));
    const quotedMessageId = `msg_${"0".repeat(26)}`;
    expect((await send({ type: "image", media: { url }, quotedMessageId })).body.code).toBe("message-not-found");
  });

  it.each<[string, object, object]>([
    ["a picture as a video", { type: "video", media: { data } }, { code: "invalid-request" }],
    ["a picture as a voice note", { type: "voice", media: { data } }, { code: "invalid-request" }],
    ["an unknown upload", { type: "image", media: { mediaId: `med_${"0".repeat(26)}` } }, { code: "media-not-found" }],
    [
      "a note with a caption",
      { type: "video", isNote: true, caption: "x", media: { data } },
      { code: "invalid-request" },
    ],
    ["a sticker with a caption", { type: "sticker", caption: "x", media: { data } }, { code: "invalid-request" }],
    ["two sources", { type: "image", media: { data, url } }, { code: "invalid-request" }],
  ])("is not sent with %s, nor in a dry run", async (_name, body, problem) => {
    for (const dryRun of [false, true]) expect((await send({ ...body, dryRun })).body).toMatchObject(problem);
    expect(await stored()).toEqual([0, 0, 0]);
  });

  it.each(Object.entries(sources))("of a dry run is checked and not stored: %s", async (_name, media) => {
    const answer = await edge.api<MessageDryRun>("POST /v1/messages", {
      to: recipient,
      type: "image",
      media,
      dryRun: true,
    });
    expect([answer.status, answer.body.wouldSend]).toEqual([200, true]);
    expect(await stored()).toEqual([0, 0, 0]);
  });

  it("is not sent if its upload is deleted before it is stored", async () => {
    const { id: mediaId } = await addMedia(edge, jpeg, { mimeType: "image/jpeg" });
    const { db } = edge.services;
    const write = db.write.bind(db);
    db.write = async (queries) => {
      db.write = write;
      await edge.client.execute("DELETE FROM media");
      return db.write(queries);
    };
    expect((await send({ type: "image", media: { mediaId } })).body.code).toBe("media-not-found");
    expect(await edge.count("message")).toBe(0);
  });

  it("keeps its file until it can no more be sent or retried, and cron then deletes it", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { retentionDays: { media: 1 } } });
    const sendAt = new Date(edge.services.now().getTime() + 48 * hourMs).toISOString();
    expect((await send({ type: "image", media: { data }, sendAt })).status).toBe(202);
    const [row] = await edge.rows("SELECT used_until FROM media");
    const until = Number(row?.["used_until"]);
    expect(until).toBeGreaterThanOrEqual(Date.parse(sendAt) + (24 + 72) * hourMs);
    edge.advance(until - edge.services.now().getTime() - hourMs);
    await runCron(edge.services);
    expect(await stored()).toEqual([1, 1, 0]);
    edge.advance(26 * hourMs);
    await runCron(edge.services);
    await runCron(edge.services);
    expect(await stored()).toEqual([0, 0, 0]);
  });

  it("does not change how a text is accepted", async () => {
    expect((await text(edge)).status).toBe(202);
    expect(await stored()).toEqual([0, 0, 0]);
  });
});
