import { base64, bytes } from "./keys.ts";

const idLength = 3;
const keyLength = 32;
const recordLength = idLength + keyLength;

/** The one-time keys that a companion uploaded (812 at first), packed so that hundreds of sessions stay small. */
export class PreKeyPool {
  #packed: Buffer;
  #used: number;

  constructor(stored?: { keys: string; used: number }) {
    this.#packed = stored ? bytes(stored.keys) : Buffer.alloc(0);
    this.#used = stored?.used ?? 0;
  }

  get count(): number {
    return this.#packed.length / recordLength - this.#used;
  }

  add(keys: Iterable<{ id: Uint8Array; key: Uint8Array }>): void {
    const parts: Uint8Array[] = [this.#packed.subarray(this.#used * recordLength)];
    for (const { id, key } of keys) parts.push(id, key);
    this.#packed = Buffer.concat(parts);
    this.#used = 0;
  }

  /** Each key is used once. */
  take(): { id: number; key: Buffer } | undefined {
    if (this.count <= 0) return undefined;
    const start = this.#used++ * recordLength;
    return {
      id: this.#packed.readUIntBE(start, idLength),
      key: Buffer.from(this.#packed.subarray(start + idLength, start + recordLength)),
    };
  }

  toState(): { keys: string; used: number } {
    return { keys: base64(this.#packed), used: this.#used };
  }
}
