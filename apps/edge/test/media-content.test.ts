import type { Media } from "@sandi/contracts";
import { chunkBytes } from "@sandi/crypto";
import { describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { addMedia, bytesOf, pattern, sha256 } from "./media-world.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const read = (path: string, headers: Record<string, string> = {}) =>
  edge.fetch(new Request(path.startsWith("https:") ? path : `https://api.test${path}`, { headers }));
const bearer = (key = edge.workspace.key) => ({ authorization: `Bearer ${key}` });
const file = pattern(chunkBytes + 50);

describe("the content of a file", () => {
  it("is saved by browsers and never shown or cached for others", async () => {
    const { id } = await addMedia(edge, file, { fileName: 'a “b”".html', mimeType: "text/html" });
    const answer = await read(`/v1/media/${id}/content`, bearer());
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "text/html",
      "content-length": String(file.length),
      "content-disposition": `attachment; filename="a _b__.html"; filename*=UTF-8''a%20%E2%80%9Cb%E2%80%9D%22.html`,
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
      "cache-control": "private, no-cache",
      etag: `"${sha256(file)}"`,
    });
    expect(sha256(await bytesOf(answer))).toBe(sha256(file));
  });

  const size = file.length;
  const ranges: [header: string, status: number, from: number, to: number][] = [
    ["bytes=0-0", 206, 0, 0],
    ["bytes=0-", 206, 0, size - 1],
    ["bytes=-1", 206, size - 1, size - 1],
    ["bytes=-999999", 206, 0, size - 1],
    [`bytes=10-999999`, 206, 10, size - 1],
    [`bytes=${chunkBytes - 1}-${chunkBytes}`, 206, chunkBytes - 1, chunkBytes],
    ["BYTES=5-6", 206, 5, 6],
    [`bytes=1-${"9".repeat(400)}`, 206, 1, size - 1],
    [`bytes=-${"9".repeat(400)}`, 206, 0, size - 1],
    ["bytes=0x1-2", 200, 0, size - 1],
    ["bytes=-5-6", 200, 0, size - 1],
    [`bytes=${"0-0,".repeat(1_000)}0-0`, 200, 0, size - 1],
    ["bytes=6-5", 200, 0, size - 1],
    ["bytes=0-1,5-6", 200, 0, size - 1],
    ["bytes=-", 200, 0, size - 1],
    ["bytes=a-b", 200, 0, size - 1],
    ["lines=0-1", 200, 0, size - 1],
  ];
  it.each(ranges)("with the range %s is answered with %i", async (range, status, from, to) => {
    const { id } = await addMedia(edge, file);
    const answer = await read(`/v1/media/${id}/content`, { ...bearer(), range });
    const shown = status === 206 ? `bytes ${from}-${to}/${size}` : null;
    expect([answer.status, answer.headers.get("content-range")]).toEqual([status, shown]);
    expect(answer.headers.get("content-length")).toBe(String(to - from + 1));
    expect(sha256(await bytesOf(answer))).toBe(sha256(file.slice(from, to + 1)));
  });

  it.each([`bytes=${size}-`, "bytes=999999-1000000", `bytes=${"9".repeat(400)}-`, "bytes=-0"])(
    "with the range %s is answered with 416",
    async (range) => {
      const { id } = await addMedia(edge, file);
      const answer = await read(`/v1/media/${id}/content`, { ...bearer(), range });
      expect([answer.status, answer.headers.get("content-range")]).toEqual([416, `bytes */${size}`]);
      expect(await answer.json()).toMatchObject({ code: "range-not-satisfiable" });
    },
  );

  it("is not sent again to a reader that has it", async () => {
    const { id } = await addMedia(edge, file);
    const answer = await read(`/v1/media/${id}/content`, { ...bearer(), "if-none-match": `"x", W/"${sha256(file)}"` });
    expect([answer.status, await answer.text()]).toEqual([304, ""]);
  });
});

describe("the link to a file", () => {
  it("needs no key, for a day", async () => {
    const { id } = await addMedia(edge, file, { expiresAt: null });
    const { body } = await edge.api<Media>(`GET /v1/media/${id}`);
    edge.advance(24 * 3600_000 - 1_000);
    const answer = await read(body.url, { range: "bytes=0-9" });
    expect([answer.status, await bytesOf(answer)]).toEqual([206, file.slice(0, 10)]);
    edge.advance(1_000);
    const late = await read(body.url);
    expect([late.status, await late.json()]).toMatchObject([403, { code: "link-invalid" }]);
  });

  it("opens this file only, with this signature only", async () => {
    const [one, two] = [await addMedia(edge, file), await addMedia(edge, file)];
    const { body } = await edge.api<Media>(`GET /v1/media/${one.id}`);
    const signature = new URL(body.url).searchParams.get("signature") ?? "";
    const [expires = "", mac = ""] = signature.split(".");
    for (const wrong of [
      body.url.replace(one.id, two.id),
      body.url.replace(expires, String(Number(expires) + 1)),
      body.url.replace(
        mac,
        mac.replace(/^./, (char) => (char === "A" ? "B" : "A")),
      ),
      body.url.replace(signature, ""),
      `${body.url}&signature=x`.replace(`signature=${signature}&`, ""),
    ]) {
      expect([wrong, (await read(wrong)).status]).toEqual([wrong, 403]);
    }
    // A key does not help a wrong signature, and a deleted file has no link.
    expect((await read(body.url.replace(one.id, two.id), bearer())).status).toBe(403);
    expect((await edge.api(`DELETE /v1/media/${one.id}`)).status).toBe(204);
    expect((await read(body.url)).status).toBe(404);
  });
});

describe("who sees a file", () => {
  it("are the keys of its workspace with `message:read`, and the key that uploaded it", async () => {
    const uploader = await edge.addKey(edge.workspace.id, ["message:send"]);
    const [{ id: keyId }] = (await edge.rows("SELECT id FROM api_key ORDER BY rowid DESC LIMIT 1")) as [{ id: string }];
    const [own, received] = [await addMedia(edge, file, { createdBy: keyId }), await addMedia(edge, file)];
    const other = await edge.addWorkspace();
    const keys = {
      uploader,
      reader: await edge.addKey(edge.workspace.id, ["message:read"]),
      sender: await edge.addKey(edge.workspace.id, ["message:send"]),
      stranger: other.key,
      test: await edge.addKey(edge.workspace.id, undefined, { environment: "test" }),
      unable: await edge.addKey(edge.workspace.id, ["otp:send"]),
    };
    const statuses = async (name: keyof typeof keys, id: string) => {
      const key = keys[name];
      const data = await edge.api(`GET /v1/media/${id}`, undefined, { key });
      const content = await read(`/v1/media/${id}/content`, bearer(key));
      await content.body?.cancel();
      return [data.status, content.status];
    };
    expect(await statuses("uploader", own.id)).toEqual([200, 200]);
    expect(await statuses("uploader", received.id)).toEqual([404, 404]);
    expect(await statuses("reader", own.id)).toEqual([200, 200]);
    expect(await statuses("reader", received.id)).toEqual([200, 200]);
    expect(await statuses("unable", own.id)).toEqual([403, 403]);
    for (const name of ["sender", "stranger", "test"] as const)
      expect(await statuses(name, own.id)).toEqual([404, 404]);
    expect((await read(`/v1/media/${own.id}/content`)).status).toBe(401);
    for (const name of ["sender", "stranger", "test"] as const) {
      expect((await edge.api(`DELETE /v1/media/${own.id}`, undefined, { key: keys[name] })).status).toBe(404);
    }
    expect((await edge.api(`DELETE /v1/media/${own.id}`, undefined, { key: keys.reader })).status).toBe(403);
    expect(await edge.count("media")).toBe(2);
    expect((await edge.api(`DELETE /v1/media/${own.id}`, undefined, { key: uploader })).status).toBe(204);
  });
});

describe("a delete", () => {
  it("removes the row at once and the object right afterwards, or by cron if the store is down", async () => {
    const [one, two] = [await addMedia(edge, file), await addMedia(edge, file)];
    expect((await edge.api(`DELETE /v1/media/${one.id}`)).status).toBe(204);
    await edge.settled();
    expect([[...edge.media.objects.keys()], await edge.count("media_object")]).toEqual([[two.objectKey], 0]);
    expect((await edge.api(`DELETE /v1/media/${one.id}`)).body.code).toBe("media-not-found");
    edge.media.isDown = true;
    expect((await edge.api(`DELETE /v1/media/${two.id}`)).status).toBe(204);
    await edge.settled();
    expect((await edge.api(`GET /v1/media/${two.id}`)).status).toBe(404);
    expect(await edge.rows("SELECT object_key FROM media_object")).toEqual([{ object_key: two.objectKey }]);
  });
});
