import type { Random } from "./bytes.ts";

/** Without characters that look alike: 0 O Q, 1 I L, 2 Z, 5 S, 8 B, U V. */
const unmistakable = "34679ACDEFGHJKMNPRTWXY";

/** A uniformly random code of 4 to 8 digits, with leading zeros (rejection sampling, no modulo bias). */
export function numericCode(digits: number, random: Random): string {
  checkLength(digits);
  return String(below(10 ** digits, random)).padStart(digits, "0");
}

/** A uniformly random code of 4 to 8 capitals and digits that do not look alike. */
export function alphanumericCode(length: number, random: Random): string {
  checkLength(length);
  return Array.from({ length }, () => unmistakable.charAt(below(unmistakable.length, random))).join("");
}

function checkLength(length: number): void {
  if (!Number.isInteger(length) || length < 4 || length > 8) throw new RangeError("a code has 4 to 8 characters");
}

function below(values: number, random: Random): number {
  const limit = 2 ** 32 - (2 ** 32 % values);
  for (;;) {
    const value = new DataView(random(4).buffer).getUint32(0);
    if (value < limit) return value % values;
  }
}
