import { Readable } from "node:stream";
import { createInflate, type Inflate } from "node:zlib";

/** More than any account's recent history has in one piece. */
export const mostUnpacked = 32 * 1024 * 1024;

const unpacked = new WeakMap<Inflate, number>();

/**
 * Ends what unpacks to more than that. An account's phone sends its history packed, and Baileys unpacks it whole: a few
 * KB of a modified phone hold gigabytes, and would end the process with everybody's sessions.
 */
export function boundUnpacking(): void {
  const prototype = Object.getPrototypeOf(createInflate()) as Inflate;
  prototype.push = function (this: Inflate, chunk: Uint8Array | null, encoding?: BufferEncoding) {
    const total = (unpacked.get(this) ?? 0) + (chunk?.length ?? 0);
    unpacked.set(this, total);
    if (total <= mostUnpacked) return Readable.prototype.push.call(this, chunk, encoding);
    this.destroy(new RangeError(`more than ${mostUnpacked} bytes were packed`));
    return false;
  };
}
