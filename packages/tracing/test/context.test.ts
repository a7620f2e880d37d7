import { describe, expect, it } from "vitest";
import { formatTraceparent, parseTraceparent, parseTracestate } from "../src/index.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

describe("traceparent", () => {
  it("is read and written", () => {
    for (const isSampled of [true, false]) {
      const context = { traceId, spanId, isSampled };
      expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
    }
    expect(formatTraceparent({ traceId, spanId, isSampled: true })).toBe(`00-${traceId}-${spanId}-01`);
  });

  it("of a later version is read as far as its fields are known", () => {
    expect(parseTraceparent(`01-${traceId}-${spanId}-03-more`)).toEqual({ traceId, spanId, isSampled: true });
  });

  it.each([
    undefined,
    null,
    "",
    "nonsense",
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId}-${spanId}-01more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-0g`,
    `00-${traceId}0-${spanId}-01`,
    `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01\r\nx: y`,
  ])("is not valid as %j", (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
});

const members = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=v`).join(",");

describe("tracestate", () => {
  it("is kept unchanged, without its empty members", () => {
    expect(parseTracestate("rojo=00f067aa0ba902b7, ,congo=t61rcWkgMzE,0a@b=x y")).toBe(
      "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,0a@b=x y",
    );
  });

  it.each([undefined, "", ",", "novalue", "UPPER=1", "a=1,a=2", "a==1", `a=${"x".repeat(520)}`, "a=é"])(
    "is not kept as %j",
    (text) => {
      expect(parseTracestate(text)).toBeUndefined();
    },
  );

  it("has 32 members at most", () => {
    expect(parseTracestate(members(32))).toBe(members(32));
    expect(parseTracestate(members(33))).toBeUndefined();
  });
});
