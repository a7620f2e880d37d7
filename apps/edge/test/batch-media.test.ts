import type { Batch, BatchDryRun, Message } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import type { Edge } from "./harness.ts";
import { addMedia, fileOf } from "./media-world.ts";
import { connectorOf } from "./senders.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let connector: ReturnType<typeof connectorOf>;
let sessionId: string;
let fetched: string[];
beforeEach(async () => {
  connector = connectorOf(edge);
  sessionId = await edge.addSession();
  fetched = [];
  edge.site = (address) => {
    fetched.push(address);
    return new Response(jpeg, { headers: { "content-type": "image/jpeg" } });
  };
});

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const jpeg = fileOf("jpeg", 60_000);
const data = Buffer.from(jpeg).toString("base64");
const url = "https://cdn.example.com/offer.jpg";
const numberOf = (i: number) => `+62812345${String(60_000 + i)}`;
const named = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ to: numberOf(i), variables: { name: `Budi ${i}` } }));
const withFile = (media: object, n = 30, more: object = {}) => ({
  message: { type: "image", media, caption: "Hello {{name}}" },
  recipients: named(n),
  ...more,
});
const create = (body: object, headers: Record<string, string> = {}) =>
  edge.api<Batch>("POST /v1/batches", body, { headers });
const cron = async (ms = 0) => {
  edge.advance(ms);
  await runCron(edge.services);
  await edge.settled();
};
/** Rows, objects and noted objects. */
async function stored() {
  await edge.settled();
  return [await edge.count("media"), edge.media.objects.size, await edge.count("media_object")];
}
async function sealed() {
  const rows = await edge.rows("SELECT sealed FROM message WHERE sealed IS NOT NULL ORDER BY id");
  return Promise.all(rows.map((row) => edge.unseal(String(row["sealed"])))) as Promise<
    { to: string; caption: string; media: { mediaId: string } }[]
  >;
}
const idOf = async () => String((await edge.rows("SELECT id FROM media"))[0]?.["id"]);

describe("a batch with a file", () => {
  it.each([
    ["data", { data }],
    ["url", { url }],
  ])("stores the %s once for all recipients, also when it is repeated", async (name, media) => {
    const first = await create(withFile(media), { "idempotency-key": "a" });
    expect([first.status, first.body.detail]).toEqual([202, undefined]);
    const again = await create(withFile(media), { "idempotency-key": "a" });
    expect([again.status, again.body.id]).toEqual([202, first.body.id]);
    await cron();
    const mediaId = await idOf();
    expect(await stored()).toEqual([1, 1, 0]);
    expect(fetched).toEqual(name === "url" ? [url] : []);
    const messages = await sealed();
    expect(new Set(messages.map(({ caption }) => caption))).toEqual(
      new Set(named(30).map(({ variables }) => `Hello ${variables.name}`)),
    );
    expect(new Set(messages.map(({ media: each }) => each.mediaId))).toEqual(new Set([mediaId]));
    const rows = JSON.stringify(await edge.rows("SELECT sealed_message FROM batch"));
    expect(rows).not.toContain(mediaId);
  });

  it("uses an upload, and one for each of its own messages", async () => {
    const [one, two] = await Promise.all([1, 2].map(() => addMedia(edge, jpeg, { mimeType: "image/jpeg" })));
    expect((await create(withFile({ mediaId: one!.id }, 1))).status).toBe(202);
    const messages = [one!, two!, two!].map(({ id: mediaId }, i) => ({
      to: numberOf(i),
      type: "image",
      media: { mediaId },
    }));
    expect((await create({ messages })).status).toBe(202);
    await cron();
    const used = (await sealed()).map(({ media }) => media.mediaId);
    expect(used.toSorted()).toEqual([one!.id, one!.id, two!.id, two!.id].toSorted());
  });

  it("keeps its file until the last message can no more be sent, and cron then deletes it", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { retentionDays: { media: 1 } } });
    const sendAt = new Date(edge.services.now().getTime() + 40 * dayMs).toISOString();
    const { body: batch } = await create(withFile({ data }, 2, { sendAt }));
    await cron(39 * dayMs);
    expect(await stored()).toEqual([1, 1, 0]);
    await edge.api(`POST /v1/batches/${batch.id}/pause`);
    await cron(20 * dayMs);
    expect(await stored()).toEqual([1, 1, 0]);
    await edge.api(`POST /v1/batches/${batch.id}/resume`);
    await cron();
    const { body: list } = await edge.api<{ messages: Message[] }>(`GET /v1/batches/${batch.id}/messages`);
    expect(list.messages).toHaveLength(2);
    await Promise.all(list.messages.map(({ id }) => connector.sent(id, sessionId)));
    await cron(60_000);
    expect((await edge.api<Batch>(`GET /v1/batches/${batch.id}`)).body.status).toBe("finished");
    expect(await edge.count("batch_media")).toBe(0);
    await cron(4 * dayMs);
    expect(await stored()).toEqual([1, 1, 0]);
    await cron(2 * dayMs);
    await cron();
    expect(await stored()).toEqual([0, 0, 0]);
  });

  it("lets go of its file when it is canceled", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { retentionDays: { media: 1 } } });
    const sendAt = new Date(edge.services.now().getTime() + 40 * dayMs).toISOString();
    const { body: batch } = await create(withFile({ data }, 2, { sendAt }));
    await edge.api(`POST /v1/batches/${batch.id}/cancel`);
    await cron(2 * dayMs);
    await cron();
    await cron();
    expect(await stored()).toEqual([0, 0, 0]);
  });

  it("fails the recipients who wait when its file is deleted", async () => {
    const { body: batch } = await create(withFile({ data }, 3));
    expect((await edge.api(`DELETE /v1/media/${await idOf()}`)).status).toBe(204);
    await cron();
    const seen = await edge.api<Batch>(`GET /v1/batches/${batch.id}`);
    expect(seen.body.counts).toMatchObject({ failed: 3, queued: 0 });
    expect(seen.body.refusals).toEqual([{ code: "media-not-found", count: 3, isFinal: true }]);
  });

  it.each([
    ["is unknown", { mediaId: `med_${"0".repeat(26)}` }, 404, undefined],
    ["is no picture", { data: Buffer.from("no picture").toString("base64") }, 400, ["/message/media/data"]],
    ["differs by recipient", { url: "https://cdn.example.com/{{name}}.jpg" }, 400, ["/message/media/url"]],
  ])("that %s is refused, and nothing is stored", async (_name, media, status, pointers) => {
    const { status: answered, body } = await create(withFile(media, 1));
    expect([answered, body.errors?.map(({ pointer }) => pointer)]).toEqual([status, pointers]);
    const { body: dry } = await create(withFile(media, 1, { dryRun: true }));
    const { refused = dry.errors } = dry as unknown as Partial<BatchDryRun>;
    expect(refused?.map(({ pointer }) => pointer)).toEqual(pointers);
    expect(await edge.count("batch")).toBe(0);
    expect(await stored()).toEqual([0, 0, 0]);
  });

  it.each([
    ["is fetched", { url }, "/messages/0/media"],
    ["is unknown", { mediaId: `med_${"0".repeat(26)}` }, "/messages/0/media/mediaId"],
  ])("of one message that %s is refused", async (_name, media, pointer) => {
    const { status, body } = await create({ messages: [{ to: numberOf(0), type: "image", media }] });
    expect([status, body.errors?.map((error) => error.pointer)]).toEqual([400, [pointer]]);
    expect(fetched).toEqual([]);
  });

  it("of one message that is no picture, too large or somebody else's names each message", async () => {
    const { body: other } = await edge.api<{ key: string }>("POST /v1/keys", {
      name: "sender",
      scopes: ["message:send"],
    });
    const files = await Promise.all([
      addMedia(edge, jpeg, { mimeType: "application/pdf" }),
      addMedia(edge, jpeg, { mimeType: "image/jpeg", createdBy: "key_other" }),
    ]);
    const messages = files.map(({ id: mediaId }, i) => ({ to: numberOf(i), type: "image", media: { mediaId } }));
    const answer = await edge.api("POST /v1/batches", { messages }, { key: other.key });
    expect(answer.body.errors?.map(({ pointer }) => pointer)).toEqual([
      "/messages/0/media/mediaId",
      "/messages/1/media/mediaId",
    ]);
  });

  it("that is refused for want of a session leaves no file behind", async () => {
    await edge.client.execute("UPDATE session SET desired = 'stopped'");
    expect((await create(withFile({ data }, 1, { sessionId }))).status).toBe(409);
    expect(await stored()).toEqual([0, 0, 0]);
  });
});
