import type { Random } from "./bytes.ts";

/** A uniformly random code of this many digits, leading zeros kept (rejection sampling, no modulo bias). */
export function numericCode(digits: number, random: Random): string {
  if (!Number.isInteger(digits) || digits < 4 || digits > 8) throw new RangeError("a code has 4 to 8 digits");
  const values = 10 ** digits;
  const limit = 2 ** 32 - (2 ** 32 % values);
  for (;;) {
    const value = new DataView(random(4).buffer).getUint32(0);
    if (value < limit) return String(value % values).padStart(digits, "0");
  }
}
