import { createReadStream } from "node:fs";

const frameSeconds = 0.02;

/** The bytes of a frame behind its header, by the kind of frame (RFC 4867, 3GPP TS 26.101 and 26.201). */
const narrowBand = [12, 13, 15, 17, 19, 20, 26, 31, 5];
const wideBand = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5];

const kinds = [
  { head: "#!AMR\n", bytes: narrowBand },
  { head: "#!AMR-WB\n", bytes: wideBand },
];

/** The length of an AMR file, which holds nothing but frames of 20 ms; 0 when it is another file. */
export async function amrSeconds(path: string): Promise<number> {
  let frames = 0;
  let next = 0;
  let bytes: number[] | undefined;
  let at = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    if (!bytes) {
      const kind = kinds.find(({ head }) => chunk.subarray(0, head.length).toString("latin1") === head);
      if (!kind) return 0;
      ({ bytes } = kind);
      next = kind.head.length;
    }
    for (; next < at + chunk.length; frames++) next += 1 + (bytes[(chunk[next - at]! >> 3) & 15] ?? 0);
    at += chunk.length;
  }
  return frames * frameSeconds;
}
