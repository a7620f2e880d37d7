import { AppError } from "@sandi/contracts";
import { utf8 } from "@sandi/crypto";
import { describe, expect, it } from "vitest";
import { boundaryOf, readFormFile } from "../src/media/multipart.ts";
import { readAll } from "../src/media/sealed-object.ts";
import { streamOf } from "./media-world.ts";

const boundary = "----b";
const part = (name: string, content: string, more = "") =>
  `------b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${content}\r\n`;
const end = "------b--\r\n";

/** Reads a form in pieces of this size. Answers the file, or the error. */
async function read(text: string, size = 7): Promise<Record<string, unknown>> {
  const bytes = utf8(text);
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  try {
    const file = await readFormFile(readAll(streamOf(pieces)), boundary);
    const content: number[] = [];
    for await (const piece of file.bytes) content.push(...piece);
    const decoded = new TextDecoder().decode(Uint8Array.from(content));
    return { fileName: file.fileName, contentType: file.contentType, content: decoded };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ...error.extras.errors?.[0] };
  }
}

describe("the file of a form", () => {
  it("is the same in pieces of any size", async () => {
    const content = "\r\n--\r\n----\r\n------\r\n------a\r\n-----b\r\r\n\n\r\n------";
    const more = '; filename="a \\"b\\".txt"\r\nContent-Type: text/plain';
    for (let size = 1; size < 160; size++) {
      expect(await read(`preamble\r\n${part("file", content, more)}${end}epilogue`, size)).toEqual({
        fileName: 'a "b".txt',
        contentType: "text/plain",
        content,
      });
    }
  });

  it("may be empty, and its name too", async () => {
    expect(await read(part("file", "") + end)).toEqual({ fileName: undefined, contentType: "", content: "" });
  });

  const faults: [what: string, form: string, pointer: string, message: string][] = [
    ["ends in the middle of the file", part("file", "abc").slice(0, -3), "/file", "ended before its end"],
    ["ends behind the delimiter", `${part("file", "abc")}------b`, "/file", "ended before its end"],
    ["ends in the headers", part("file", "abc").slice(0, 30), "/file", "ended before its end"],
    ["is empty", "", "/file", "ended before its end"],
    ["has no part", end, "/file", "is required"],
    ["has another field before", part("kind", "image") + part("file", "abc") + end, "/kind", "is not a known field"],
    ["has another field behind", part("file", "abc") + part("kind", "image") + end, "/kind", "is not a known field"],
    ["has two files", part("file", "abc") + part("file", "abc") + end, "/file", "must be one file"],
    ["has headers without an end", `------b\r\n${"a: b\r\n".repeat(2_000)}`, "/file", "has headers that are too long"],
    ["has a long preamble", "a".repeat(9_000) + part("file", "abc") + end, "/file", "has headers that are too long"],
    ["has something behind the delimiter", "------bc\r\n\r\n", "/file", "is not a part of a form"],
  ];
  it.each(faults)("is refused if the form %s", async (_, form, pointer, message) => {
    for (const size of [1, 64, 100_000]) expect(await read(form, size)).toEqual({ pointer, message });
  });

  it("needs a boundary", async () => {
    expect(boundaryOf("multipart/form-data; boundary=abc")).toBe("abc");
    expect(boundaryOf('Multipart/Form-Data; charset=utf-8; boundary="a b"')).toBe("a b");
    expect(boundaryOf("multipart/form-data")).toBe("");
    expect(boundaryOf("multipart/mixed; boundary=abc")).toBeUndefined();
    await expect(readFormFile(readAll(streamOf([])), "")).rejects.toMatchObject({ code: "invalid-request" });
  });
});
