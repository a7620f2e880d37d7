import { describe, expect, it } from "vitest";
import { createId, MessageId, timeOfId, VerificationId } from "../src/index.ts";

const zeros = new Uint8Array(10);
const ones = new Uint8Array(10).fill(255);

describe("createId", () => {
  it("makes ids that their schema accepts and another prefix's schema refuses", () => {
    const id = createId("msg", new Date("2026-11-21T00:00:00Z"), ones);
    expect(MessageId.safeParse(id).success).toBe(true);
    expect(VerificationId.safeParse(id).success).toBe(false);
  });

  it("sorts by time, whatever the random part", () => {
    const earlier = createId("evt", new Date(1_000), ones);
    const later = createId("evt", new Date(1_001), zeros);
    expect(earlier < later).toBe(true);
  });

  it("shows when it was made", () => {
    const at = new Date("2026-11-21T08:00:00.123Z");
    expect(timeOfId(createId("msg", at, ones))).toEqual(at);
  });

  it("uses all 80 random bits", () => {
    const seen = new Set<string>();
    for (let bit = 0; bit < 80; bit++) {
      const random = new Uint8Array(10);
      random[bit >> 3] = 1 << (bit & 7);
      seen.add(createId("msg", new Date(0), random));
    }
    expect(seen.size).toBe(80);
  });

  it("refuses too little randomness", () => {
    expect(() => createId("msg", new Date(0), new Uint8Array(9))).toThrow(RangeError);
  });
});
