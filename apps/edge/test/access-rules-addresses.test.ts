import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAmong, parseAddress, parseRange } from "../src/addresses.ts";

const v4 = "00000000000000000000ffff";

describe("an address", () => {
  it.each([
    ["1.2.3.4", `${v4}01020304`],
    ["0.0.0.0", `${v4}00000000`],
    ["255.255.255.255", `${v4}ffffffff`],
    ["::ffff:1.2.3.4", `${v4}01020304`],
    ["::FFFF:102:304", `${v4}01020304`],
    ["0:0:0:0:0:ffff:1.2.3.4", `${v4}01020304`],
    ["::", "0".repeat(32)],
    ["::1", "0".repeat(31) + "1"],
    ["1::", "0001" + "0".repeat(28)],
    ["2001:DB8::8:800:200c:417A", "20010db80000000000080800200c417a"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::2:3:4:5:6:7:8", "00000002000300040005000600070008"],
    ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"],
  ])("%s is %s", (text, hex) => {
    expect(parseAddress(text)).toBe(hex);
  });

  it.each([
    "",
    " ",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.00",
    "1.2.3.256",
    "1.2.3.1000",
    "1.2.3.-4",
    "1.2.3.+4",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.4\n",
    "1.2.3.",
    "0x1.2.3.4",
    "16909060",
    "1.2.3.４",
    ":",
    ":::",
    "1::2::3",
    ":1",
    "1:",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "00001::",
    "g::",
    "fe80::1%eth0",
    "fe80::1%25eth0",
    "[::1]",
    "::1]",
    "::1.2.3",
    "::01.2.3.4",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1.2.3.4:80",
    "::/0",
  ])("%j is none", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it("is the same however it is written", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV4(), (six, four) => {
        const canonical = new URL(`http://[${six}]`).hostname.slice(1, -1);
        expect(parseAddress(six)).toBe(parseAddress(canonical));
        expect(parseAddress(six.toUpperCase())).toBe(parseAddress(six));
        expect(parseAddress(`::ffff:${four}`)).toBe(parseAddress(four));
      }),
    );
  });
});

describe("a range", () => {
  it.each([
    ["0.0.0.0/0", `${v4}00000000`, `${v4}ffffffff`],
    ["10.0.0.0/8", `${v4}0a000000`, `${v4}0affffff`],
    ["1.2.3.4/32", `${v4}01020304`, `${v4}01020304`],
    ["1.2.3.4", `${v4}01020304`, `${v4}01020304`],
    ["1.2.3.4/31", `${v4}01020304`, `${v4}01020305`],
    ["::/0", "0".repeat(32), "f".repeat(32)],
    ["::1/128", "0".repeat(31) + "1", "0".repeat(31) + "1"],
    ["2001:db8::/33", "20010db8" + "0".repeat(24), "20010db87" + "f".repeat(23)],
    ["::ffff:10.0.0.0/104", `${v4}0a000000`, `${v4}0affffff`],
  ])("%s goes from %s to %s", (text, first, last) => {
    expect(parseRange(text)).toEqual({ first, last });
  });

  it.each([
    "1.2.3.4/33",
    "1.2.3.4/-1",
    "1.2.3.4/",
    "1.2.3.4/08",
    "1.2.3.4/8/8",
    "1.2.3.4/255.0.0.0",
    "1.2.3.4/3e1",
    "::/129",
    "::/1000",
    "/0",
    "/",
    "10.0.0.1/8",
    "2001:db8::1/64",
    "fe80::%1/64",
    "0.0.0.0 /0",
  ])("%j is none", (text) => {
    expect(parseRange(text)).toBeUndefined();
  });

  it("has what lies in it and nothing beside it", () => {
    expect(isAmong("10.255.255.255", ["192.0.2.1", "10.0.0.0/8"])).toBe(true);
    expect(isAmong("::ffff:10.1.2.3", ["10.0.0.0/8"])).toBe(true);
    expect(isAmong("11.0.0.0", ["10.0.0.0/8"])).toBe(false);
    expect(isAmong("2001:db8::1", ["0.0.0.0/0"])).toBe(false);
    expect(isAmong("", ["0.0.0.0/0", "::/0"])).toBe(false);
    expect(isAmong("1.2.3.4", [])).toBe(false);
    expect(isAmong("1.2.3.4", ["nonsense"])).toBe(false);
  });
});
