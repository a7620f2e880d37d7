import { describe, expect, test } from "vitest";
import { readVcard, writeVcard } from "../src/content/vcard.ts";

const card = (...lines: string[]) => ["BEGIN:VCARD", "VERSION:3.0", ...lines, "END:VCARD"].join("\n");

describe("a contact card that is written", () => {
  test("has the number that phones open a chat with, and escapes what has a meaning", () => {
    const contact = {
      name: "Budi; Kantor, C:\\Acme",
      phones: [{ number: "+6281234567890", label: "Kantor; pagi" }, { number: "+6281234567891" }],
      organization: "Acme, Jakarta",
      email: "budi@acme.example",
    };
    expect(writeVcard(contact).split("\r\n")).toEqual([
      "BEGIN:VCARD",
      "VERSION:3.0",
      String.raw`N:;Budi\; Kantor\, C:\\Acme;;;`,
      String.raw`FN:Budi\; Kantor\, C:\\Acme`,
      String.raw`ORG:Acme\, Jakarta`,
      "item1.TEL;waid=6281234567890:+6281234567890",
      String.raw`item1.X-ABLabel:Kantor\; pagi`,
      "item2.TEL;waid=6281234567891:+6281234567891",
      "EMAIL;TYPE=INTERNET:budi@acme.example",
      "END:VCARD",
      "",
    ]);
    expect(readVcard(writeVcard(contact))).toEqual(contact);
  });

  test.each(["Ayu 🌸 ".repeat(40).trim(), "漢字".repeat(60), "a".repeat(200), "line one\nline two"])(
    "has lines of at most 75 bytes, and no character is cut: %s",
    (name) => {
      const written = writeVcard({ name, phones: [{ number: "+6281234567890" }] });
      for (const line of written.split("\r\n")) {
        expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
        expect(line).not.toMatch(/\ufffd/);
        expect(line.isWellFormed()).toBe(true);
      }
      expect(readVcard(written)?.name).toBe(name);
    },
  );

  test("cannot be given another property by a name", () => {
    const written = writeVcard({ name: "A\r\nTEL:+1", phones: [{ number: "+6281234567890" }] });
    expect(readVcard(written)).toEqual({ name: "A\nTEL:+1", phones: [{ number: "+6281234567890" }] });
  });
});

describe("a contact card that is read", () => {
  test.each<[string, string[], object]>([
    [
      "an iPhone's",
      ["N:Wati;Ayu;;;", "FN:Ayu Wati", "TEL;type=CELL;type=VOICE;waid=6281234567890:+62 812-3456-7890"],
      { name: "Ayu Wati", phones: [{ number: "+6281234567890", label: "cell" }] },
    ],
    [
      "one with a label that Apple translates",
      ["FN:Ayu", "item1.TEL;waid=6281234567890:+62 812", "item1.X-ABLabel:_$!<HomeFAX>!$_"],
      { name: "Ayu", phones: [{ number: "+6281234567890", label: "HomeFAX" }] },
    ],
    [
      "an Android's, whose label has its own group",
      ["FN:Ayu", "item1.TEL;waid=1:+1", "item1.X-ABLabel:Ponsel", "item2.TEL:0812 3456", "ORG:Acme;Sales;"],
      {
        name: "Ayu",
        phones: [{ number: "+1", label: "Ponsel" }, { number: "0812 3456" }],
        organization: "Acme, Sales",
      },
    ],
    [
      "one without a name that is written out",
      ["N:Wati;Ayu;;;", "TEL;PREF:+1", "EMAIL;type=INTERNET;type=pref:ayu@acme.example"],
      { name: "Ayu Wati", phones: [{ number: "+1" }], email: "ayu@acme.example" },
    ],
    [
      "one of version 4",
      ["FN;CHARSET=utf-8:Ayu", 'TEL;VALUE=uri;TYPE="voice,home":tel:+1-555', "NOTE:x"],
      { name: "Ayu", phones: [{ number: "+1-555", label: "home" }] },
    ],
    [
      "one without any name",
      ["TEL;waid=6281234567890:x"],
      { name: "+6281234567890", phones: [{ number: "+6281234567890" }] },
    ],
    ["one with a colon in a parameter", ['TEL;X="a:b":+1', "FN:Ayu"], { name: "Ayu", phones: [{ number: "+1" }] }],
    ["one that is folded", ["FN:Ay", " u"], { name: "Ayu", phones: [] }],
  ])("may be %s", (_name, lines, expected) => {
    expect(readVcard(card(...lines))).toEqual(expected);
    expect(readVcard(card(...lines).replaceAll("\n", "\r\n"))).toEqual(expected);
  });

  test.each(["", "BEGIN:VCARD", "\0\0", card(), "FN:", "no colon at all"])("may be nothing: %j", (vcard) => {
    expect(readVcard(vcard)).toBeNull();
  });

  test("is read whatever is in it", () => {
    const nasty = [
      '"'.repeat(50_000),
      `${";".repeat(50_000)}:x`,
      `FN:${"\\".repeat(50_000)}`,
      `TEL;type=${",".repeat(50_000)}:1`,
    ];
    for (const line of nasty) expect(() => readVcard(card("FN:Ayu", line))).not.toThrow();
  });
});
