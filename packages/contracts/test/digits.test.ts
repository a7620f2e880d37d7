import { expect, it } from "vitest";
import { TypedCode } from "../src/api/codes.ts";
import { asciiDigits } from "../src/index.ts";

it("reads the digits of every script as ASCII digits, also beyond the first plane", () => {
  const digits = Array.from({ length: 0x20000 }, (_, code) => String.fromCodePoint(code)).filter(
    (one) => /\p{Nd}/u.test(one) && !/[\u{1d7ce}-\u{1d7ff}]/u.test(one),
  );
  expect(digits.length).toBeGreaterThan(600);
  expect(asciiDigits(digits.join(""))).toBe("0123456789".repeat(digits.length / 10));
  expect(asciiDigits("a١b")).toBe("a1b");
});

it("leaves mathematical digits in a number, and reads them in a code", () => {
  expect(asciiDigits("𝟘𝟙")).toBe("𝟘𝟙");
  expect(TypedCode.parse("𝟘𝟙𝟚𝟛")).toBe("0123");
});
