import type { Range } from "./store.ts";

/** The part that a `Range` header asks for, or the whole file; undefined when the file has no such part. */
export function rangeOf(header: string | undefined, size: number): Range | undefined {
  if (header === undefined) return { start: 0, end: size - 1 };
  const [, start = "", end = ""] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (start === "" && end === "") return undefined;
  const range =
    start === ""
      ? { start: Math.max(size - Number(end), 0), end: size - 1 }
      : { start: Number(start), end: Math.min(end === "" ? size : Number(end), size - 1) };
  return range.start <= range.end ? range : undefined;
}
