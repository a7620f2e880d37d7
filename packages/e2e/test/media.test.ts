import { connect } from "node:net";
import {
  inboundMediaHeaders,
  inboundMediaText,
  type Media,
  mediaContentPath,
  mediaPath,
  type StoredMedia,
} from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestEdge, type TestEdge } from "../src/edge.ts";
import { eventually } from "../src/harness.ts";
import { largeFile, sendLarge, sha256Of } from "../src/large-files.ts";

const pdf = Buffer.from("%PDF-1.7\n");
const mp4 = Buffer.from("00000018667479706d703432000000006d70343269736f6d", "hex");
const document = 95 * 1024 * 1024;
const video = 50_000_000;

const typed = (type: string, size: number) => ({ "content-type": type, "content-length": String(size) });

describe("files through the Worker in workerd", () => {
  let edge: TestEdge;
  const authorization = () => ({ authorization: `Bearer ${edge.apiKey}` });
  /** No row, and no object that is still to be deleted. */
  const isEmpty = async () => {
    const [row] = await edge.sql<{ n: number }>(
      "SELECT (SELECT count(*) FROM media) + (SELECT count(*) FROM media_object) AS n",
    );
    return row?.n === 0;
  };

  beforeAll(async () => {
    edge = await startTestEdge();
  });
  afterAll(() => edge.stop());

  const upload = (body: Iterable<Uint8Array>, headers: Record<string, string>) =>
    sendLarge(`${edge.url}/v1/media`, { method: "POST", headers: { ...authorization(), ...headers }, body });

  it("of the largest sizes are stored and read byte by byte, whole and in ranges", async () => {
    for (const [type, start, size] of [
      ["video/mp4", mp4, video],
      ["application/pdf", pdf, document],
    ] as const) {
      const answer = await upload(largeFile(start, size), typed(type, size));
      expect([answer.status, answer.text]).toEqual([201, expect.stringContaining(`"mimeType":"${type}"`)]);
      const file = JSON.parse(answer.text) as Media;
      expect([file.sizeBytes, file.sha256]).toEqual([size, sha256Of(largeFile(start, size))]);
      const read = await sendLarge(file.url, { method: "GET", headers: {} });
      expect(read.headers).toMatchObject({ "content-length": String(size), "content-type": type });
      expect([read.status, read.sha256]).toEqual([200, file.sha256]);
      const token = await edge.sign({ method: "GET", path: mediaContentPath(file.id), body: "" });
      const range = `bytes=${size - 70_000}-`;
      const part = await sendLarge(edge.url + mediaContentPath(file.id), {
        method: "GET",
        headers: { authorization: `Bearer ${token}`, range },
      });
      expect([part.status, part.size, part.headers["content-range"]]).toEqual([
        206,
        70_000,
        `bytes ${size - 70_000}-${size - 1}/${size}`,
      ]);
      expect((await edge.api(`DELETE /v1/media/${file.id}`)).status).toBe(204);
      await eventually("the object to be deleted", isEmpty);
    }
  });

  it("in a form without a length are the same", async () => {
    function* form() {
      yield Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n');
      yield* largeFile(pdf, 12_000_000);
      yield Buffer.from("\r\n--b--\r\n");
    }
    const answer = await upload(form(), { "content-type": "multipart/form-data; boundary=b" });
    const { id, ...file } = JSON.parse(answer.text) as Media;
    expect([answer.status, file.fileName, file.sha256]).toEqual([201, "a.pdf", sha256Of(largeFile(pdf, 12_000_000))]);
    expect((await edge.api(`DELETE /v1/media/${id}`)).status).toBe(204);
  });

  it("of one byte more are refused, with and without a length, and nothing stays", async () => {
    for (const [type, start, size] of [
      ["video/mp4", mp4, video + 1],
      ["application/pdf", pdf, document + 1],
    ] as const) {
      for (const headers of [typed(type, size), { "content-type": type }]) {
        const answer = await upload(largeFile(start, size), headers);
        expect([type, answer.status, answer.text]).toEqual([type, 413, expect.stringContaining('"payload-too-large"')]);
      }
    }
    await eventually("the objects to be deleted", isEmpty);
  });

  it("whose sender disappears leave nothing", async () => {
    const head = [
      "POST /v1/media HTTP/1.1",
      "host: localhost",
      `authorization: Bearer ${edge.apiKey}`,
      "content-type: application/pdf",
      "content-length: 50000000",
      "",
      "",
    ].join("\r\n");
    const socket = connect(Number(new URL(edge.url).port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(head);
    for (const bytes of largeFile(pdf, 8_000_000)) {
      if (!socket.write(bytes)) await new Promise((resolve) => socket.once("drain", resolve));
    }
    await eventually("the upload to begin", async () => {
      const [row] = await edge.sql<{ n: number }>(
        "SELECT count(*) AS n FROM media_object WHERE part_upload_id IS NOT NULL",
      );
      return row?.n === 1;
    });
    socket.destroy();
    // If the runtime ends the request before it can clean up, cron does it when the upload's time is over.
    await edge.sql("UPDATE media_object SET delete_at = 0");
    await eventually("the upload to be deleted", async () => {
      await edge.runCron();
      return isEmpty();
    });
    expect(await isEmpty()).toBe(true);
  });

  it("that a connector received are stored once, and only with the announced hash", async () => {
    const size = 20_000_000;
    const sha256 = sha256Of(largeFile(mp4, size));
    const send = async (uploadId: string, hash: string) => {
      const media = { sessionId: edge.sessionId, uploadId, mimeType: "video/mp4", sizeBytes: size, sha256: hash };
      const token = await edge.sign({ method: "POST", path: mediaPath, body: inboundMediaText(media) });
      const headers = {
        authorization: `Bearer ${token}`,
        ...inboundMediaHeaders(media),
        "content-length": String(size),
      };
      const answer = await sendLarge(edge.url + mediaPath, { method: "POST", headers, body: largeFile(mp4, size) });
      return { status: answer.status, body: JSON.parse(answer.text) as StoredMedia };
    };
    const first = await send("one", sha256);
    expect(first.status).toBe(200);
    // The second is answered before its body is read.
    expect(await send("one", sha256)).toEqual(first);
    expect(
      (
        await send(
          "two",
          sha256.replace(/^./, (digit) => (digit === "0" ? "1" : "0")),
        )
      ).status,
    ).toBe(400);
    expect((await edge.api<Media>(`GET /v1/media/${first.body.mediaId}`)).body).toMatchObject({
      sizeBytes: size,
      sha256,
    });
  });
});
