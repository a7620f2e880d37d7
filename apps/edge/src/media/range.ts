import { AppError } from "@sandi/contracts";
import type { ObjectRange } from "./store.ts";

/**
 * The one range of a `Range` header (RFC 9110 §14.2); undefined: the whole file is answered, also for headers that are not
 * understood and for several ranges. Throws `range-not-satisfiable` if the range begins behind the end.
 */
export function readRange(header: string | undefined, size: number): ObjectRange | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    if (length === 0) throw notSatisfiable(size);
    return { offset: size - length, length };
  }
  const offset = Number(first);
  if (last !== "" && Number(last) < offset) return undefined;
  if (offset >= size) throw notSatisfiable(size);
  return { offset, length: Math.min(last === "" ? Infinity : Number(last) + 1, size) - offset };
}

const notSatisfiable = (size: number) =>
  new AppError("range-not-satisfiable", { detail: `The file has ${size} bytes.`, sizeBytes: size });
