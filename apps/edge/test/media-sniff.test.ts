import { expect, it } from "vitest";
import { sniff } from "../src/media/sniff.ts";

const bytes = (...parts: (string | number[])[]) =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === "string" ? Array.from(part, (c) => c.charCodeAt(0)) : part)),
  );

it.each([
  ["image/jpeg", bytes([0xff, 0xd8, 0xff, 0xe1], "Exif")],
  ["image/png", bytes([0x89], "PNG\r\n", [0x1a], "\n")],
  ["image/gif", bytes("GIF89a")],
  ["image/webp", bytes("RIFF", [1, 0, 0, 0], "WEBPVP8 ")],
  ["image/heic", bytes([0, 0, 0, 24], "ftypheic")],
  ["image/avif", bytes([0, 0, 0, 24], "ftypavif")],
  ["video/mp4", bytes([0, 0, 0, 24], "ftypisom")],
  ["video/quicktime", bytes([0, 0, 0, 20], "ftypqt  ")],
  ["video/3gpp", bytes([0, 0, 0, 24], "ftyp3gp4")],
  ["video/webm", bytes([0x1a], "E", [0xdf, 0xa3])],
  [
    "video/ogg",
    bytes(
      "OggS",
      Array.from({ length: 24 }, () => 0),
      [0x80],
      "theora",
    ),
  ],
  [
    "audio/ogg",
    bytes(
      "OggS",
      Array.from({ length: 24 }, () => 0),
      "OpusHead",
    ),
  ],
  ["audio/mp4", bytes([0, 0, 0, 24], "ftypM4A ")],
  ["audio/mpeg", bytes("ID3", [4, 0])],
  ["audio/mpeg", bytes([0xff, 0xfb, 0x90, 0x64])],
  ["audio/mpeg", bytes([0xff, 0xe3, 0x18, 0xc4])],
  ["audio/aac", bytes([0xff, 0xf1, 0x50, 0x80])],
  ["audio/amr", bytes("#!AMR\n")],
  ["audio/wav", bytes("RIFF", [1, 0, 0, 0], "WAVEfmt ")],
  ["application/pdf", bytes("%PDF-1.7")],
  ["application/zip", bytes("PK", [3, 4])],
  ["application/epub+zip", bytes("PK", [3, 4], "x".repeat(26), "mimetypeapplication/epub+zipPK")],
  [
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    bytes("PK", [3, 4], "x".repeat(26), "[Content_Types].xml", "PK", [3, 4], "word/document.xml"),
  ],
  ["", bytes("a text")],
  ["", bytes([0xff, 0xff, 0xff, 0xff])],
  ["", bytes([0xff, 0xeb])],
  ["", bytes([0xff])],
  ["", bytes()],
])("%s is known by its first bytes", (type, start) => {
  expect(sniff(start)).toBe(type);
});
