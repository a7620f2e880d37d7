import { Readable } from "node:stream";
import { createInflate, type Inflate } from "node:zlib";

/** More than one part of any account's recent history. */
export const maxInflatedBytes = 32 * 1024 * 1024;

const inflated = new WeakMap<Inflate, number>();

/**
 * Stops zlib streams that inflate to more than this. A phone sends its history compressed, and Baileys inflates it in
 * memory. A few KB from a modified phone can hold gigabytes, which would end the process.
 */
export function limitInflate(): void {
  const prototype = Object.getPrototypeOf(createInflate()) as Inflate;
  prototype.push = function (this: Inflate, chunk: Uint8Array | null, encoding?: BufferEncoding) {
    const total = (inflated.get(this) ?? 0) + (chunk?.length ?? 0);
    inflated.set(this, total);
    if (total <= maxInflatedBytes) return Readable.prototype.push.call(this, chunk, encoding);
    this.destroy(new RangeError(`more than ${maxInflatedBytes} bytes inflated`));
    return false;
  };
}
