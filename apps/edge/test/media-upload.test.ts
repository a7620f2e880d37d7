import type { Media, Problem } from "@sandi/contracts";
import { chunkBytes, utf8 } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { asConnector, bytesOf, fileOf, sha256, streamOf } from "./media-world.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | FormData | string;

async function upload(body: Body, headers: Record<string, string> = {}, query = "", key = edge.workspace.key) {
  const request = new Request(`https://api.test/v1/media${query}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, ...headers },
    body,
    duplex: "half",
  } as RequestInit);
  const answer = await edge.fetch(request);
  return { status: answer.status, headers: answer.headers, body: await answer.json<Media & Problem>() };
}

/** Nothing of the upload is left: no row, no object, no upload in parts, nothing to delete later. */
async function expectNothing(what: string) {
  await edge.settled();
  const left = {
    what,
    rows: await edge.count("media"),
    noted: await edge.count("media_object"),
    objects: edge.media.objects.size,
    uploads: edge.media.uploads.size,
  };
  expect(left).toEqual({ what, rows: 0, noted: 0, objects: 0, uploads: 0 });
}

const form = (file: Uint8Array<ArrayBuffer>, type: string, name: string) => {
  const data = new FormData();
  data.set("file", new Blob([file], { type }), name);
  return data;
};

describe("an upload", () => {
  it.each([200, chunkBytes, 6_000_000])("of %i bytes in a form is stored sealed and answered whole", async (size) => {
    const file = fileOf("jpeg", size);
    const { status, body, headers } = await upload(form(file, "image/jpeg", "My “cat”.jpg"));
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^med_/),
      mimeType: "image/jpeg",
      sizeBytes: size,
      sha256: sha256(file),
      fileName: "My “cat”.jpg",
      contentPath: `/v1/media/${body.id}/content`,
      url: expect.stringMatching(new RegExp(`^https://api.test/v1/media/${body.id}/content\\?signature=\\d+\\.`)),
      createdAt: "2026-11-21T08:00:00.000Z",
      expiresAt: "2026-11-22T08:00:00.000Z",
    });
    expect(headers.get("location")).toBe(`/v1/media/${body.id}`);
    const [object] = edge.media.objects.values();
    expect(Buffer.from(object!.bytes).includes(file.subarray(20, 60))).toBe(false);
    expect([edge.media.objects.size, await edge.count("media_object")]).toEqual([1, 0]);
    expect(sha256(await bytesOf(await asConnector(edge, body.id)))).toBe(sha256(file));
  });

  it("is the body itself, with its type and name in the headers", async () => {
    const file = fileOf("pdf");
    const { status, body } = await upload(file, {
      "content-type": "application/pdf; version=1.7",
      "content-disposition": `attachment; filename="r.pdf"; filename*=UTF-8''R%C3%A9sum%C3%A9%2Fx.pdf`,
    });
    expect([status, body.mimeType, body.fileName]).toEqual([201, "application/pdf", "x.pdf"]);
    expect(sha256(await bytesOf(await asConnector(edge, body.id)))).toBe(sha256(file));
  });

  it("has the type of its first bytes where its sender says none", async () => {
    const types = {
      jpeg: "image/jpeg",
      png: "image/png",
      webp: "image/webp",
      mp4: "video/mp4",
      m4a: "audio/mp4",
      ogg: "audio/ogg",
      pdf: "application/pdf",
      zip: "application/zip",
    } as const;
    for (const [format, type] of Object.entries(types)) {
      for (const headers of [{}, { "content-type": "application/octet-stream" }]) {
        const { body } = await upload(fileOf(format as keyof typeof types), headers);
        expect([format, body.mimeType]).toEqual([format, type]);
      }
    }
    expect((await upload(utf8("a,b\n1,2\n"))).body.mimeType).toBe("application/octet-stream");
    expect((await upload(utf8("a,b\n1,2\n"), { "content-type": "text/csv" })).body.mimeType).toBe("text/csv");
    expect((await upload(fileOf("jpeg"), { "content-type": "image/jpg" })).body.mimeType).toBe("image/jpeg");
    expect((await upload(fileOf("ogg"), { "content-type": "audio/ogg; codecs=opus" })).body.mimeType).toBe("audio/ogg");
  });

  it("that lies about its type is refused, and the field is named", async () => {
    const lies: [body: Body, headers: Record<string, string>, query: string, pointer: string, message: string][] = [
      [
        form(fileOf("zip"), "image/jpeg", "a.jpg"),
        {},
        "",
        "/file",
        "is not image/jpeg: its first bytes show application/zip",
      ],
      [
        fileOf("zip"),
        { "content-type": "image/jpeg" },
        "",
        "header/Content-Type",
        "is not image/jpeg: its first bytes show application/zip",
      ],
      [
        fileOf("png"),
        { "content-type": "image/jpeg" },
        "?kind=document",
        "header/Content-Type",
        "is not image/jpeg: its first bytes show image/png",
      ],
      [
        utf8("<script>"),
        { "content-type": "image/png" },
        "",
        "header/Content-Type",
        "is not image/png: its first bytes show no known type",
      ],
      [
        fileOf("pdf"),
        {},
        "?kind=sticker",
        "header/Content-Type",
        "cannot be sent as sticker: it is application/pdf, and must be image/jpeg, image/png, image/webp",
      ],
      [
        fileOf("mp4"),
        { "content-type": "video/mp4" },
        "?kind=image",
        "header/Content-Type",
        "cannot be sent as image: it is video/mp4, and must be image/jpeg, image/png, image/webp",
      ],
      [
        fileOf("pdf"),
        { "content-type": "not a type" },
        "",
        "header/Content-Type",
        "must have a media type such as image/jpeg",
      ],
      [new Uint8Array(), { "content-type": "image/png" }, "", "header/Content-Type", "must not be empty"],
      [form(new Uint8Array(), "image/png", "a.png"), {}, "", "/file", "must not be empty"],
    ];
    for (const [body, headers, query, pointer, message] of lies) {
      const answer = await upload(body, headers, query);
      expect([answer.status, answer.body.code, answer.body.errors]).toEqual([
        400,
        "invalid-request",
        [{ pointer, message }],
      ]);
    }
    await expectNothing("lies");
  });

  it("may be a document whatever it is", async () => {
    for (const format of ["jpeg", "zip", "mp4"] as const) {
      expect((await upload(fileOf(format), {}, "?kind=document")).status).toBe(201);
    }
    expect((await upload(fileOf("zip"), { "content-type": "application/x-unknown" })).body.mimeType).toBe(
      "application/x-unknown",
    );
  });
});

describe("an upload that is too large", () => {
  beforeEach(async () => {
    await edge.api("PATCH /v1/workspace", { policy: { imageMegabytes: 1, documentMegabytes: 2 } });
  });

  it("by one byte is refused and leaves nothing, and one byte less is stored", async () => {
    const limits = [
      ["image/jpeg", "jpeg", 1_000_000],
      ["application/pdf", "pdf", 2_000_000],
    ] as const;
    for (const [type, format, limit] of limits) {
      const headers = { "content-type": type };
      const { status, body } = await upload(fileOf(format, limit + 1), headers);
      expect([status, body.code]).toEqual([413, "payload-too-large"]);
      await expectNothing(type);
      expect((await upload(fileOf(format, limit), headers)).status).toBe(201);
      await edge.client.execute("DELETE FROM media");
      await edge.client.execute("DELETE FROM media_object");
      edge.media.objects.clear();
    }
  });

  it("is refused before it is read if it says its length", async () => {
    let read = 0;
    const body = new ReadableStream<Uint8Array>({ pull: () => void read++ }, { highWaterMark: 0 });
    const answer = await upload(body, { "content-type": "application/pdf", "content-length": "99999999999" });
    expect([answer.status, read]).toEqual([413, 0]);
  });

  it("is refused in the middle if it never ends, as a body and in a form", async () => {
    const piece = fileOf("pdf", 50_000);
    const endless = await upload(streamOf([piece], { isEndless: true }), { "content-type": "application/pdf" });
    expect(endless.status).toBe(413);
    await expectNothing("endless body");
    const head = utf8('--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n');
    let isFirst = true;
    const parts = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(isFirst ? head : piece);
        isFirst = false;
      },
    });
    const inForm = await upload(parts, {
      "content-type": "multipart/form-data; boundary=b",
    });
    expect(inForm.status).toBe(413);
    await expectNothing("endless form");
  });
});

describe("a body that breaks off", () => {
  it("leaves nothing", async () => {
    const file = fileOf("jpeg", 7_000_000);
    for (const sent of [10, 100_000, 6_000_000]) {
      const broken = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(file.subarray(0, sent));
        },
        pull: (controller) => controller.error(new Error("connection reset")),
      });
      const { status, body } = await upload(broken, { "content-type": "image/jpeg" });
      expect([status, body.code, body.detail]).toEqual([400, "invalid-request", "The body ended before its end."]);
      await expectNothing(`after ${sent} bytes`);
    }
  });

  it("is refused while the store or the database does not answer, and nothing stays", async () => {
    edge.media.isDown = true;
    const { status, body } = await upload(fileOf("jpeg"), { "content-type": "image/jpeg" });
    expect([status, body.code]).toEqual([503, "media-unavailable"]);
    await edge.settled();
    // The object is still noted: whether the store has it is not known. Cron deletes it in an hour.
    expect([await edge.count("media"), await edge.count("media_object")]).toEqual([0, 1]);
  });
});

describe("an Idempotency-Key of an upload", () => {
  it("stores a file once, and gives the answer again with a new link", async () => {
    const headers = { "content-type": "image/jpeg", "idempotency-key": "one" };
    const first = await upload(fileOf("jpeg"), headers);
    await edge.settled();
    edge.advance(3600_000);
    const again = await upload(fileOf("jpeg"), headers);
    await edge.settled();
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([201, "true"]);
    expect({ ...again.body, url: "" }).toEqual({ ...first.body, url: "" });
    expect(again.body.url).not.toBe(first.body.url);
    expect([await edge.count("media"), edge.media.objects.size, await edge.count("media_object")]).toEqual([1, 1, 0]);
    expect(JSON.stringify(await edge.rows("SELECT * FROM idempotency"))).not.toContain("signature");
  });

  it("belongs to one file", async () => {
    const headers = { "content-type": "image/jpeg", "idempotency-key": "one" };
    await upload(fileOf("jpeg"), headers);
    const other = await upload(fileOf("jpeg", 201), headers);
    expect([other.status, other.body.code]).toEqual([422, "idempotency-key-reused"]);
    await edge.settled();
    expect([await edge.count("media"), edge.media.objects.size, await edge.count("media_object")]).toEqual([1, 1, 0]);
  });
});

it("an upload whose object cron has deleted meanwhile is not stored", async () => {
  const slow = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(fileOf("pdf"));
      edge.advance(3600_000);
      controller.close();
    },
  });
  const late = new ReadableStream<Uint8Array>(
    {
      async start(controller) {
        controller.enqueue(fileOf("pdf", 70_000));
      },
      pull(controller) {
        edge.advance(3600_001);
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  expect((await upload(slow)).status).toBe(201);
  const { status, body } = await upload(late);
  expect([status, body.errors]).toEqual([
    400,
    [{ pointer: "header/Content-Type", message: "took longer than an hour" }],
  ]);
});
