import { claimPath, type ClaimResponse, type Message, type MessageDryRun } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { addMedia, fileOf, sha256 } from "./media-world.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
/** The addresses that the edge asked. */
let asked: string[];
let answers: Record<string, Response>;
beforeEach(async () => {
  sessionId = await edge.addSession();
  asked = [];
  answers = {};
  edge.site = (url) => {
    asked.push(url);
    return answers[url] ?? new Response("", { status: 404 });
  };
});

const link = "https://acme.example/orders/42";
const picture = "https://acme.example/card.jpg";
const jpeg = fileOf("jpeg", 40_000);
const data = Buffer.from(jpeg).toString("base64");
const asJpeg = () => new Response(jpeg, { headers: { "content-type": "image/jpeg" } });
const page = (image: string) =>
  new Response(`<title>Order 42</title><meta property="og:image" content="${image}">`, {
    headers: { "content-type": "text/html" },
  });
const send = (linkPreview: unknown, headers: Record<string, string> = {}, more: object = {}) =>
  edge.api<Message>(
    "POST /v1/messages",
    { sessionId, to: "+6281234567890", type: "text", text: `See ${link}`, linkPreview, ...more },
    { headers },
  );
const card = { url: link, title: "Order 42" };

async function previewOf({ id }: Message): Promise<unknown> {
  const claims = [{ messageId: id, sessionId, fence: 1 }];
  const { results } = (await edge.internal<ClaimResponse>(claimPath, { connectorId: "a", claims })).body;
  const [claimed] = results;
  if (claimed?.outcome !== "claimed") throw new Error("not claimed");
  return ((await edge.unseal(claimed.sealed)) as { linkPreview: unknown }).linkPreview;
}
/** Rows, objects and noted objects. */
async function stored() {
  await edge.settled();
  return [await edge.count("media"), edge.media.objects.size, await edge.count("media_object")];
}
const sealed = { mimeType: "image/jpeg", sizeBytes: jpeg.length, sha256: sha256(jpeg) };

describe("the picture of a page", () => {
  it.each(["/card.jpg", picture, "card.jpg?", "//acme.example/card.jpg"])(
    "is fetched, wherever it is: %s",
    async (at) => {
      const address = new URL(at, link).href;
      answers = { [link]: page(at), [address]: asJpeg() };
      const { body } = await send(true);
      expect(await previewOf(body)).toMatchObject({ ...card, image: sealed });
      expect(asked).toEqual([link, address]);
      expect(await stored()).toEqual([1, 1, 0]);
      expect(await edge.rows("SELECT expires_at FROM media")).toEqual([{ expires_at: null }]);
    },
  );

  it.each([
    ["lies at a private address", "https://169.254.169.254/x.jpg", false],
    ["lies in the page", "data:image/jpeg;base64,AAAA", false],
    ["is not there", "https://acme.example/gone.jpg", true],
    ["is no picture", "https://acme.example/film.mp4", true],
  ])("that %s is left out, and the card stays", async (_name, address, isAsked) => {
    answers = {
      [link]: page(address),
      "https://acme.example/film.mp4": new Response(fileOf("mp4", 1000), { headers: { "content-type": "video/mp4" } }),
    };
    const { status, body } = await send(true);
    expect([status, await previewOf(body)]).toEqual([202, card]);
    expect(asked).toEqual(isAsked ? [link, address] : [link]);
    expect(await stored()).toEqual([0, 0, 0]);
  });

  it("that is larger than 5 MB is left out", async () => {
    const large = new Response(fileOf("jpeg", 5_000_001), { headers: { "content-type": "image/jpeg" } });
    answers = { [link]: page(picture), [picture]: large };
    expect(await previewOf((await send(true)).body)).toEqual(card);
    expect(await stored()).toEqual([0, 0, 0]);
  });

  it("is stored once when the request is repeated", async () => {
    const headers = { "idempotency-key": "a" };
    answers = { [link]: page(picture), [picture]: asJpeg() };
    const first = await send(true, headers);
    answers = { [link]: page(picture), [picture]: asJpeg() };
    expect((await send(true, headers)).body.id).toBe(first.body.id);
    expect(await stored()).toEqual([1, 1, 0]);
  });
});

describe("a picture of the caller", () => {
  it.each([
    ["an address", async () => ({ url: picture })],
    ["base64", async () => ({ data })],
    ["an upload", async () => ({ mediaId: (await addMedia(edge, jpeg, { mimeType: "image/jpeg" })).id })],
  ])("is %s", async (_name, source) => {
    answers = { [picture]: asJpeg() };
    const { status, body } = await send({ ...card, image: await source() });
    expect([status, body.detail]).toEqual([202, undefined]);
    expect(await previewOf(body)).toMatchObject({ ...card, image: sealed });
    expect(await stored()).toEqual([1, 1, 0]);
  });

  it.each([
    ["is none", { data: Buffer.from("no picture").toString("base64") }, 400, ["/linkPreview/image/data"]],
    ["is private", { url: "https://10.0.0.1/x.jpg" }, 400, ["/linkPreview/image/url"]],
    ["is not there", { url: picture }, 422, undefined],
    ["is unknown", { mediaId: `med_${"0".repeat(26)}` }, 404, undefined],
  ])("that %s is refused, also in a dry run", async (_name, image, status, pointers) => {
    const refused = await send({ ...card, image });
    expect([refused.status, refused.body.errors?.map(({ pointer }) => pointer)]).toEqual([status, pointers]);
    const dry = await edge.api<MessageDryRun>("POST /v1/messages", {
      sessionId,
      to: "+6281234567890",
      type: "text",
      text: link,
      linkPreview: { ...card, image },
      dryRun: true,
    });
    expect([dry.status, dry.body.errors?.map(({ pointer }) => pointer)]).toEqual([status, pointers]);
    expect(await stored()).toEqual([0, 0, 0]);
  });

  it("that is larger than 5 MB is refused", async () => {
    const { id: mediaId } = await addMedia(edge, fileOf("jpeg", 5_000_001), { mimeType: "image/jpeg" });
    expect((await send({ ...card, image: { mediaId } })).body.code).toBe("payload-too-large");
  });

  it("of a message that is refused leaves no file behind", async () => {
    await edge.client.execute("UPDATE session SET desired = 'stopped'");
    expect((await send({ ...card, image: { data } })).status).toBe(409);
    expect(await stored()).toEqual([0, 0, 0]);
  });

  it("is not possible in a batch", async () => {
    const message = { type: "text", text: link, linkPreview: { ...card, image: { data } } };
    const { body } = await edge.api("POST /v1/batches", { message, recipients: [{ to: "+6281234567890" }] });
    expect(body.errors).toMatchObject([{ pointer: "/message/linkPreview/image" }]);
  });
});
