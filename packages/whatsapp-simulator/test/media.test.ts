import { randomBytes } from "node:crypto";
import type { AnyMessageContent } from "@whiskeysockets/baileys";
import { describe, expect, it } from "vitest";
import { file, fileOf, newMedia, sha256 } from "./support/media.ts";
import { sender, user, userJid } from "./support/world.ts";

const sent: [string, AnyMessageContent, object][] = [
  [
    "image",
    { image: file, caption: "look", width: 4, height: 3, jpegThumbnail: "anBlZw==" },
    { text: "look", caption: "look", media: { width: 4, height: 3, mimeType: "image/jpeg", thumbnail: "anBlZw==" } },
  ],
  [
    "video",
    { video: file, caption: "moving", seconds: 9, width: 4, height: 3, jpegThumbnail: "anBlZw==" },
    { text: "moving", media: { mimeType: "video/mp4", seconds: 9, width: 4, height: 3, thumbnail: "anBlZw==" } },
  ],
  ["video", { video: file, gifPlayback: true }, { text: "", isGif: true }],
  ["video", { video: file, ptv: true }, { isNote: true }],
  [
    "audio",
    { audio: file, mimetype: "audio/mpeg", seconds: 3 },
    { text: "", media: { mimeType: "audio/mpeg", seconds: 3 } },
  ],
  [
    "voice",
    {
      audio: file,
      ptt: true,
      mimetype: "audio/ogg; codecs=opus",
      waveform: Uint8Array.from([0, 50, 100]),
    } as AnyMessageContent,
    { media: { mimeType: "audio/ogg; codecs=opus", waveform: [0, 50, 100] } },
  ],
  [
    "document",
    { document: file, mimetype: "application/pdf", fileName: "Rechnung.pdf", caption: "July" },
    { text: "July", media: { fileName: "Rechnung.pdf", mimeType: "application/pdf" } },
  ],
  ["sticker", { sticker: file }, { text: "", media: { mimeType: "image/webp" } }],
  ["image", { image: file, viewOnce: true }, { isViewOnce: true }],
];

describe("media that an unmodified Baileys sends", () => {
  it("is opened on the recipient's phone and on the own one, byte for byte", async () => {
    const { simulator, session } = await newMedia();
    for (const [kind, content, shows] of sent) {
      const message = await session.sock.sendMessage(userJid, content);
      const id = message!.key.id!;
      for (const number of [user, sender]) {
        const shown = await simulator.waitForMessage(number, (each) => each.id === id);
        const media = { sha256, sizeBytes: file.length };
        expect(shown).toMatchObject({ kind, ...shows, media: { ...media, ...(shows as { media?: object }).media } });
        expect((await fileOf(simulator, number, id)).bytes.equals(file)).toBe(true);
      }
    }
    // Baileys looks for a thumbnail and a length in files that have none.
    expect(session.complaints.filter((line) => !line.includes("failed to obtain extra info"))).toEqual([]);
  });

  it.each([
    ["404", { kind: "media-error", status: 404, by: "phone" }, "the media host answered 404"],
    ["a tampered file", { kind: "media-damaged", how: "tampered", by: "phone" }, "the MAC of the file is wrong"],
    ["a wrong MAC", { kind: "media-damaged", how: "wrong-mac", by: "phone" }, "the MAC of the file is wrong"],
    ["half a file", { kind: "media-damaged", how: "truncated", by: "phone" }, "the MAC of the file is wrong"],
    ["no host", { kind: "media-down", by: "phone" }, "no media host can be reached"],
  ] as const)("is shown with its problem when the phone gets %s", async (_what, fault, problem) => {
    const { simulator, session } = await newMedia();
    simulator.setFault(fault);
    const message = await session.sock.sendMessage(userJid, { image: file, caption: "look" });
    const id = message!.key.id!;
    const shown = await simulator.waitForMessage(user, (each) => each.id === id);
    expect(shown).toMatchObject({ kind: "image", caption: "look", media: { problem } });
    const { response, bytes } = await fileOf(simulator, user, id);
    expect(response.status).toBe(404);
    expect(JSON.parse(bytes.toString())).toMatchObject({ code: "file_not_found", detail: problem });
  });

  it("is checked against what its author said about it", async () => {
    const { simulator, session } = await newMedia();
    const message = await session.sock.sendMessage(userJid, {
      document: file,
      mimetype: "text/plain",
      fileName: "a.txt",
    });
    const { documentMessage } = message!.message!;
    const lies: [object, string][] = [
      [{ fileSha256: randomBytes(32) }, "the decrypted file has another SHA-256"],
      [{ fileEncSha256: randomBytes(32) }, "the encrypted file has another SHA-256"],
      [{ mediaKey: randomBytes(32) }, "the MAC of the file is wrong"],
      [{ mediaKey: null }, "the message does not say where the file is, or what its key is"],
    ];
    for (const [lie, problem] of lies) {
      const id = await session.sock.relayMessage(userJid, { documentMessage: { ...documentMessage, ...lie } }, {});
      const shown = await simulator.waitForMessage(user, (each) => each.id === id);
      expect(shown).toMatchObject({ kind: "document", media: { problem } });
    }
  });

  it("goes to the second host when the first is down", async () => {
    const { simulator, session } = await newMedia();
    simulator.setFault({ kind: "media-down", host: 1 });
    const message = await session.sock.sendMessage(userJid, { image: file });
    const shown = await simulator.waitForMessage(user, (each) => each.id === message!.key.id);
    expect(shown).toMatchObject({ media: { sha256 } });
    expect(simulator.media.requests).toMatchObject([{ method: "POST" }]);
  });
});
