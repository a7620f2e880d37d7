import type { MediaKind, MediaSource } from "@sandi/contracts";
import { sql } from "kysely";
import { beforeEach, describe, expect, it } from "vitest";
import type { Context } from "../src/context.ts";
import { isMediaThere, useMedia } from "../src/media/repository.ts";
import { resolveMedia } from "../src/media/resolve-media.ts";
import type { Edge } from "./harness.ts";
import { addMedia, asConnector, bytesOf, fileOf, sha256, streamOf } from "./media-world.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let ctx: Context;

beforeEach(async () => {
  ctx = await edge.contextOf();
});

/** The resolved file, or the error. */
const resolve = (source: MediaSource, kind: MediaKind) =>
  resolveMedia(ctx, source, kind).catch(({ code, extras }: { code: string; extras: Record<string, unknown> }) => ({
    code,
    ...extras,
  }));

async function expectNothing() {
  await edge.settled();
  expect([await edge.count("media"), edge.media.objects.size, await edge.count("media_object")]).toEqual([0, 0, 0]);
}

const audio = "audio/mpeg, audio/mp4, audio/aac, audio/ogg, audio/amr, audio/wav";
const jpeg = fileOf("jpeg", 100_000);
const answer = (body: BodyInit, headers: Record<string, string> = {}, status = 200) =>
  new Response(body, { status, headers: { "content-type": "image/jpeg", ...headers } });
const redirect = (location: string, status = 302) => new Response(null, { status, headers: { location } });
const url = "https://cdn.example.com/pics/a%20cat.jpg?size=9";

describe("an upload", () => {
  it("is found with its facts, if it can be sent as this kind", async () => {
    const row = await addMedia(edge, jpeg, { mimeType: "image/jpeg", fileName: "a.jpg" });
    const facts = {
      mediaId: row.id,
      mimeType: "image/jpeg",
      sizeBytes: 100_000,
      sha256: sha256(jpeg),
      fileName: "a.jpg",
    };
    expect(await resolve({ mediaId: row.id }, "image")).toEqual(facts);
    expect(await resolve({ mediaId: row.id }, "document")).toEqual(facts);
    expect(await resolve({ mediaId: row.id }, "voice")).toMatchObject({
      code: "invalid-request",
      errors: [
        { pointer: "/media/mediaId", message: `cannot be sent as voice: it is image/jpeg, and must be ${audio}` },
      ],
    });
    const large = await addMedia(edge, jpeg, { mimeType: "image/webp", sizeBytes: 5_000_001 });
    expect(await resolve({ mediaId: large.id }, "sticker")).toMatchObject({ code: "payload-too-large" });
  });

  it("of another workspace, of the sandbox, expired or unknown is not found", async () => {
    const other = await edge.addWorkspace();
    const at = edge.services.now().getTime();
    for (const more of [{ workspaceId: other.id }, { test: 1 }, { expiresAt: at }] as const) {
      const { id } = await addMedia(edge, jpeg, { mimeType: "image/jpeg", ...more });
      expect(await resolve({ mediaId: id }, "image")).toMatchObject({ code: "media-not-found" });
    }
    expect(await resolve({ mediaId: `med_${"0".repeat(26)}` }, "image")).toMatchObject({ code: "media-not-found" });
  });

  it("that a message uses is kept until it is sent and for the policy's time", async () => {
    const { id } = await addMedia(edge, jpeg);
    const { db } = edge.services;
    const tenant = { workspaceId: edge.workspace.id, test: 0 } as const;
    const at = edge.services.now().getTime();
    const state = () => edge.rows("SELECT expires_at, used_until FROM media");
    await db.write([useMedia(db, tenant, { mediaId: id, until: at + 5, when: sql<boolean>`0` })]);
    await db.write([useMedia(db, { ...tenant, test: 1 }, { mediaId: id, until: at + 5, when: sql<boolean>`1` })]);
    expect(await state()).toEqual([{ expires_at: at + 24 * 3600_000, used_until: 0 }]);
    for (const until of [at + 5, at + 3]) {
      await db.write([useMedia(db, tenant, { mediaId: id, until, when: isMediaThere(tenant, { mediaId: id, at }) })]);
      expect(await state()).toEqual([{ expires_at: null, used_until: at + 5 }]);
    }
  });
});

describe("base64", () => {
  it("is decoded and stored", async () => {
    for (const size of [100, 49_152, 49_153, 100_001]) {
      const file = fileOf("jpeg", size);
      const stored = await resolve({ data: Buffer.from(file).toString("base64") }, "image");
      expect(stored).toMatchObject({ mimeType: "image/jpeg", sizeBytes: size, sha256: sha256(file) });
      const { mediaId = "" } = stored as { mediaId?: string };
      expect(sha256(await bytesOf(await asConnector(edge, mediaId)))).toBe(sha256(file));
    }
    expect(await edge.count("media_object")).toBe(0);
  });

  it("of another form, another type or above 5 MiB is refused, and nothing stays", async () => {
    const base64 = Buffer.from(jpeg).toString("base64");
    const form = "must be base64 with padding, and nothing before it";
    const cases: [data: string, mimeType: string | undefined, message: string][] = [
      [`data:image/jpeg;base64,${base64}`, undefined, form],
      [base64.slice(0, -1), undefined, form],
      [`${base64.slice(0, -2)}*=`, undefined, form],
      [Buffer.alloc(5 * 1024 * 1024 + 1).toString("base64"), undefined, "must be at most 5 MiB decoded"],
      [base64, "image/png", "is not image/png: its first bytes show image/jpeg"],
      [
        Buffer.from(fileOf("zip")).toString("base64"),
        undefined,
        "cannot be sent as image: it is application/zip, and must be image/jpeg, image/png, image/webp",
      ],
    ];
    for (const [data, mimeType, message] of cases) {
      const refused = await resolve({ data, ...(mimeType === undefined ? {} : { mimeType }) }, "image");
      expect(refused).toMatchObject({ code: "invalid-request", errors: [{ pointer: "/media/data", message }] });
    }
    await expectNothing();
  });
});

describe("an address", () => {
  it("is fetched, checked and stored", async () => {
    edge.site = () => answer(jpeg);
    const stored = await resolve({ url }, "image");
    expect(stored).toEqual({
      mediaId: expect.stringMatching(/^med_/),
      mimeType: "image/jpeg",
      sizeBytes: jpeg.length,
      sha256: sha256(jpeg),
      fileName: "a cat.jpg",
    });
    const [row] = await edge.rows("SELECT created_by, expires_at, created_at, test FROM media");
    expect(row).toMatchObject({ created_by: ctx.actor.by.id, test: 0 });
    expect(Number(row?.["expires_at"]) - Number(row?.["created_at"])).toBe(24 * 3600_000);
  });

  it.each([
    ["http://example.com/a.jpg", "must be an https address"],
    ["https://user:pass@example.com/a.jpg", "must not hold a user name or password"],
    ["https://127.0.0.1/a.jpg", "must be an address on the public internet"],
    ["https://2130706433/a.jpg", "must be an address on the public internet"],
    ["https://[::ffff:10.0.0.1]/a.jpg", "must be an address on the public internet"],
    ["https://[64:ff9b::a00:1]/a.jpg", "must be an address on the public internet"],
    ["https://169.254.169.254/latest/meta-data", "must be an address on the public internet"],
    ["https://metadata.internal/a.jpg", "must be an address on the public internet"],
    ["https://localhost/a.jpg", "must be an address on the public internet"],
    ["file:///etc/passwd", "must be an https address"],
  ])("%s is not called", async (wrong, message) => {
    let called = 0;
    edge.site = () => (called++, answer(jpeg));
    expect(await resolve({ url: wrong }, "image")).toMatchObject({
      code: "invalid-request",
      errors: [{ pointer: "/media/url", message }],
    });
    // Behind a redirect it is not called either.
    edge.site = (asked) => (asked === url ? redirect(wrong) : (called++, answer(jpeg)));
    const redirected = await resolve({ url }, "image");
    expect(redirected).toMatchObject({ code: "media-not-fetched" });
    expect(called).toBe(0);
  });

  it("may redirect three times", async () => {
    const hops: string[] = [];
    const site = (most: number) => (asked: string) => {
      hops.push(asked);
      return hops.length <= most
        ? redirect(`/hop/${hops.length}`, [301, 302, 303, 307, 308][hops.length])
        : answer(jpeg);
    };
    edge.site = site(3);
    expect(await resolve({ url }, "image")).toMatchObject({ sizeBytes: jpeg.length });
    expect(hops).toEqual([url, ...[1, 2, 3].map((i) => `https://cdn.example.com/hop/${i}`)]);
    hops.length = 0;
    edge.site = site(4);
    const refused = await resolve({ url }, "image");
    expect(refused).toMatchObject({ code: "media-not-fetched", detail: "It redirects more than 3 times." });
    expect(hops).toHaveLength(4);
  });

  it("that answers badly is refused with the reason, and nothing stays", async () => {
    const broken = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(fileOf("jpeg", 90_000)),
      pull: (controller) => controller.error(new Error("reset")),
    });
    const cases: [site: Edge["site"], expected: Record<string, unknown>][] = [
      [() => answer("no", {}, 404), { code: "media-not-fetched", detail: "It answered 404." }],
      [() => answer("no", {}, 206), { code: "media-not-fetched", detail: "It answered 206." }],
      [() => Promise.reject(new Error("refused")), { code: "media-not-fetched", detail: "It does not answer." }],
      [() => redirect(""), { code: "media-not-fetched", detail: "It redirects more than 3 times." }],
      [() => redirect("http://["), { code: "media-not-fetched", detail: "It redirects to no address." }],
      [() => answer(broken), { code: "media-not-fetched", detail: "The answer broke off." }],
      [
        () => answer(fileOf("zip")),
        {
          code: "invalid-request",
          errors: [{ pointer: "/media/url", message: "is not image/jpeg: its first bytes show application/zip" }],
        },
      ],
      [() => answer("<html>", { "content-type": "text/html" }), { code: "invalid-request" }],
      [() => answer(jpeg, { "content-length": "99000000" }), { code: "payload-too-large" }],
      [() => answer(streamOf([fileOf("jpeg", 1_000_000)], { isEndless: true })), { code: "payload-too-large" }],
    ];
    for (const [site, expected] of cases) {
      edge.site = site;
      expect(await resolve({ url }, "image")).toMatchObject(expected);
      await expectNothing();
    }
  });

  it("that does not end in time is refused, before and in the middle of the file", async () => {
    const abort = new AbortController();
    edge.timeout = abort.signal;
    let isWaiting = Promise.withResolvers<void>();
    const hangs = () => {
      isWaiting.resolve();
      return new Promise<never>(() => undefined);
    };
    const start = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(jpeg), pull: hangs });
    edge.site = () => answer(start);
    const refused = resolve({ url }, "image");
    await isWaiting.promise;
    abort.abort();
    const detail = "It did not answer completely within 30 s.";
    expect(await refused).toMatchObject({ code: "media-not-fetched", detail });
    edge.site = (_, signal) => Promise.reject(signal.reason as Error);
    expect(await resolve({ url }, "image")).toMatchObject({ code: "media-not-fetched", detail });
    await expectNothing();
  });

  it("counts by its size for the workspace's day, and is refused when that is used up", async () => {
    const costs: unknown[] = [];
    edge.redis = (command) => (costs.push(command.at(-1)), Promise.resolve([1, 1, 1000]));
    edge.site = () => answer(fileOf("jpeg", 3_000_001));
    await resolve({ url }, "image");
    expect(costs).toEqual([4]);
    await edge.client.execute("DELETE FROM media");
    await edge.client.execute("DELETE FROM media_object");
    edge.media.objects.clear();
    edge.redis = () => Promise.resolve([0, 9998, 60_000]);
    expect(await resolve({ url }, "image")).toMatchObject({ code: "rate-limited", retryAfter: 60 });
    await expectNothing();
  });
});
