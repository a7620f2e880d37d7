import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { downloadMediaMessage, type WAMessage } from "@whiskeysockets/baileys";
import { describe, expect, it, onTestFinished } from "vitest";
import type { SendMessage, Simulator } from "../src/index.ts";
import { data, file, fileOf, newMedia, sha256 } from "./support/media.ts";
import { sender, until, user } from "./support/world.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function bytesInUse(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}
/** The smallest PNG. */
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

type Options = NonNullable<Parameters<typeof downloadMediaMessage>[2]["options"]>;

const download = (message: WAMessage, options: Options = {}) => downloadMediaMessage(message, "buffer", { options });

/** Sends requests for any host to the simulator's. */
function atHost({ media }: Simulator): Options {
  type Dispatch = (options: object, handler: unknown) => boolean;
  const dispatcher = () =>
    (globalThis as unknown as Record<symbol, { dispatch: Dispatch }>)[Symbol.for("undici.globalDispatcher.1")]!;
  const dispatch: Dispatch = (options, handler) =>
    dispatcher().dispatch({ ...options, origin: `https://${media.host}` }, handler);
  return { dispatcher: { dispatch } } as unknown as Options;
}

const written: [
  Partial<SendMessage> & { type: string },
  (message: WAMessage["message"]) => object | null | undefined,
  object,
][] = [
  [
    { type: "image", caption: "look", width: 4, height: 3, thumbnail: "anBlZw==" },
    (message) => message?.imageMessage,
    { caption: "look", mimetype: "image/jpeg", width: 4, jpegThumbnail: Uint8Array.from(Buffer.from("jpeg")) },
  ],
  [
    { type: "video", caption: "moving", seconds: 9, thumbnail: "anBlZw==" },
    (message) => message?.videoMessage,
    { caption: "moving", seconds: 9, jpegThumbnail: Uint8Array.from(Buffer.from("jpeg")) },
  ],
  [{ type: "video", isGif: true }, (message) => message?.videoMessage, { gifPlayback: true }],
  [{ type: "video", isNote: true }, (message) => message?.ptvMessage, { mimetype: "video/mp4" }],
  [{ type: "audio", mimeType: "audio/mp4" }, (message) => message?.audioMessage, { mimetype: "audio/mp4" }],
  [{ type: "voice", seconds: 2, waveform: [1, 2, 3] }, (message) => message?.audioMessage, { ptt: true, seconds: 2 }],
  [
    { type: "document", fileName: "a.pdf", mimeType: "application/pdf" },
    (message) => message?.documentMessage,
    { fileName: "a.pdf" },
  ],
  [
    { type: "document", fileName: "a.pdf", caption: "July" },
    (message) => message?.documentWithCaptionMessage?.message?.documentMessage,
    { caption: "July" },
  ],
  [{ type: "sticker" }, (message) => message?.stickerMessage, { mimetype: "image/webp" }],
];

describe("media that a phone writes", () => {
  it("is decrypted by an unmodified Baileys, byte for byte", async () => {
    const { simulator, session } = await newMedia();
    for (const [input, partOf, says] of written) {
      const { id, kind } = await simulator.send(user, { to: sender, data, ...input } as SendMessage);
      expect(kind).toBe(input.type);
      const { message } = await session.message(({ key }) => key.id === id);
      expect(partOf(message.message)).toMatchObject(says);
      expect((await download(message)).equals(file)).toBe(true);
    }
    expect(session.complaints).toEqual([]);
  });

  it("can be a large file that was uploaded before, and costs no memory", async () => {
    const { simulator, session } = await newMedia();
    const chunk = randomBytes(1024 * 1024);
    const total = 24 * chunk.length;
    const before = bytesInUse();
    const samples: number[] = [];
    let watch: NodeJS.Timeout | undefined;
    // Collecting garbage takes a quarter of the time at most.
    const sample = (pauseMs: number) => {
      watch = setTimeout(() => {
        const startedAt = performance.now();
        samples.push(bytesInUse());
        sample(Math.max(300, 3 * (performance.now() - startedAt)));
      }, pauseMs);
    };
    sample(0);
    onTestFinished(() => clearTimeout(watch));
    const kept = await simulator.addFile(Readable.from(Array.from({ length: 24 }, () => chunk)));
    expect(kept.sizeBytes).toBe(total);
    const input = { to: sender, type: "document", file: kept.sha256, fileName: "large.bin" } as const;
    const { id } = await simulator.send(user, input);
    const { message } = await session.message(({ key }) => key.id === id, 60_000);
    const shown = await simulator.waitForMessage(sender, (each) => each.id === id, 60_000);
    clearTimeout(watch);
    expect(shown).toMatchObject({ kind: "document", media: { sizeBytes: total, sha256: kept.sha256 } });
    expect(Number(message.message?.documentMessage?.fileLength)).toBe(total);
    // A single sample can hold garbage that is not swept yet; a file in memory would be in all of them.
    const median = samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Infinity;
    expect(median - before).toBeLessThan(total / 4);
  }, 120_000);

  it("comes to companions as a notice that there is a view-once message, and to the phone with its file", async () => {
    const { simulator, session } = await newMedia();
    const { id } = await simulator.send(user, { to: sender, type: "image", data, isViewOnce: true });
    const { message } = await session.message(({ key }) => key.id === id);
    expect(message).toMatchObject({ key: { isViewOnce: true } });
    expect(message.message?.imageMessage).toBeUndefined();
    const shown = await simulator.waitForMessage(sender, (each) => each.id === id);
    expect(shown).toMatchObject({ kind: "image", isViewOnce: true, media: { sha256 } });
  });

  it("is uploaded again by the phone when a companion finds it gone", async () => {
    const { simulator, session } = await newMedia();
    const { id } = await simulator.send(user, { to: sender, type: "image", data });
    const { message } = await session.message(({ key }) => key.id === id);
    simulator.setFault({ kind: "media-error", status: 410, by: "companion", times: 1 });
    await expect(download(message)).rejects.toThrow();
    const uploads = () => simulator.media.requests.length;
    const before = uploads();
    await session.sock.updateMediaMessage(message);
    expect(uploads()).toBe(before);
    // It names its path alone now, so that Baileys asks WhatsApp's own host for it.
    expect((await download(message, atHost(simulator))).equals(file)).toBe(true);
  });

  it("cannot be uploaded again when the phone has no such message", async () => {
    const { simulator, session } = await newMedia();
    const { id } = await simulator.send(user, { to: sender, type: "image", data });
    const { message } = await session.message(({ key }) => key.id === id);
    message.key.id = "3A00";
    await expect(session.sock.updateMediaMessage(message)).rejects.toMatchObject({ output: { statusCode: 404 } });
  });

  it("fails with a reason when no host takes it, or the input names no file", async () => {
    const { simulator } = await newMedia();
    const attempt = (input: object) =>
      simulator.send(user, { to: sender, type: "image", ...input }).catch((error: { code: string }) => error.code);
    expect(await attempt({})).toBe("invalid_request");
    expect(await attempt({ data, file: sha256 })).toBe("invalid_request");
    expect(await attempt({ file: "0".repeat(64) })).toBe("file_not_found");
    simulator.setFault({ kind: "media-down", by: "phone" });
    expect(await attempt({ data })).toBe("media_not_uploaded");
    expect(simulator.messages(user)).toEqual([]);
  });
});

describe("files of the control API", () => {
  it("are served in parts, by their type, and never as a page", async () => {
    const { simulator } = await newMedia();
    const path = simulator.httpUrl + `/phones/${encodeURIComponent(user)}/messages`;
    const post = async (body: object) => {
      const response = await fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ to: sender, ...body }),
      });
      return (await response.json()) as { id: string; code?: string };
    };
    const image = await post({ type: "image", data: png.toString("base64"), mimeType: "image/png" });
    const whole = await fileOf(simulator, user, image.id);
    expect(whole.response.headers.get("content-type")).toBe("image/png");
    expect(whole.bytes.equals(png)).toBe(true);
    const part = await fileOf(simulator, user, image.id, { range: "bytes=1-3" });
    expect(part.response.status).toBe(206);
    expect(part.bytes.toString()).toBe("PNG");
    const html = Buffer.from("<script>alert(1)</script>");
    const upload = await fetch(`${simulator.httpUrl}/files`, { method: "POST", body: html });
    expect(upload.status).toBe(201);
    const { sha256: fileId } = (await upload.json()) as { sha256: string };
    const page = await post({ type: "document", file: fileId, mimeType: "text/html", fileName: 'a "b".html' });
    const { response } = await fileOf(simulator, user, page.id);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment; filename*=UTF-8''a%20%22b%22.html",
      "content-security-policy": "default-src 'none'; sandbox",
      "x-content-type-options": "nosniff",
    });
    expect(await post({ type: "image", data: "not base64!" })).toMatchObject({ code: "invalid_request" });
    expect((await fileOf(simulator, user, "3A00")).response.status).toBe(404);
    await until(() => simulator.messages(sender).length === 2);
  });
});
