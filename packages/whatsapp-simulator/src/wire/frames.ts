import { NOISE_WA_HEADER } from "@whiskeysockets/baileys";

/** Cuts the byte stream of a client into frames: a prologue once, then 3-byte lengths. */
export class FrameReader {
  #buffered: Buffer = Buffer.alloc(0);
  #introSeen = false;

  /** The frames that are complete with this chunk. Throws on a foreign prologue. */
  push(chunk: Buffer): Buffer[] {
    this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    if (!this.#introSeen && !this.#readIntro()) return [];
    const frames: Buffer[] = [];
    while (this.#buffered.length >= 3) {
      const end = 3 + this.#buffered.readUIntBE(0, 3);
      if (this.#buffered.length < end) break;
      frames.push(this.#buffered.subarray(3, end));
      this.#buffered = this.#buffered.subarray(end);
    }
    return frames;
  }

  /** A client that connected before puts its routing info (`ED 00 01`, length, bytes) before the prologue. */
  #readIntro(): boolean {
    let start = 0;
    if (this.#buffered.length < 4) return false;
    if (this.#buffered.toString("latin1", 0, 2) === "ED") {
      if (this.#buffered.length < 7) return false;
      start = 7 + this.#buffered.readUIntBE(4, 3);
    }
    const end = start + NOISE_WA_HEADER.length;
    if (this.#buffered.length < end) return false;
    if (!this.#buffered.subarray(start, end).equals(NOISE_WA_HEADER)) throw new Error("not a WhatsApp client");
    this.#buffered = this.#buffered.subarray(end);
    this.#introSeen = true;
    return true;
  }
}

export function frameOf(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(3 + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame.set(payload, 3);
  return frame;
}
