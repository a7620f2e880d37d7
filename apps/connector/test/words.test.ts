import { describe, expect, it, test } from "vitest";
import type { ReceivedContent } from "../src/content/kind.ts";
import { textsOf, wordsIn } from "../src/content/words.ts";
import { wordTokens } from "../src/store/word-tokens.ts";

describe("the words of a text", () => {
  it.each([
    [
      "in any case, without marks",
      "Where is my ORDER? It's 2 days late!",
      ["where", "is", "my", "order", "it", "s", "2", "days"],
    ],
    ["of any width", "Ｏｒｄｅｒ ﬁnal", ["order", "final"]],
    ["in names of files", "Rechnung_März.2026.pdf", ["rechnung", "märz", "2026", "pdf"]],
    ["in Chinese", "我想退货", wordsIn(["退货"])],
    ["in Japanese", "注文を確認してください", wordsIn(["確認"])],
    ["in Thai", "สวัสดีครับ ขอบคุณ", ["สวัสดี", "ครับ", "ขอบคุณ"]],
    ["in Arabic, with vowel signs and without", "مُحَمَّد رسالة", ["محمد", "رسالة"]],
    ["in Hindi", "मेरा ऑर्डर", ["मेरा", "ऑर्डर"]],
  ])("are found: %s", (_name, text, words) => {
    expect(wordsIn([text])).toEqual(expect.arrayContaining(words));
  });

  it("are 200 at most, and a long text is not read to its end", () => {
    expect(wordsIn([Array.from({ length: 1000 }, (_, i) => `w${i}`).join(" ")])).toHaveLength(200);
    expect(wordsIn([`${"a ".repeat(30_000)} end`])).toEqual(["a"]);
  });

  it("are none in what has no words", () => expect(wordsIn(["🎉 … !?"])).toEqual([]));
});

const media = { mimeType: "application/pdf", sizeBytes: 1, sha256: "0", fileName: "a.pdf" };
const options = [{ id: "1", text: "Today" }];
test.each<[ReceivedContent, string[]]>([
  [{ type: "text", text: "hi", linkPreview: { url: "https://a.b", title: "T", description: "D" } }, ["hi", "T", "D"]],
  [{ type: "document", media, caption: "Invoice", fileName: "b.pdf" }, ["Invoice", "b.pdf", "a.pdf"]],
  [{ type: "sticker", media: { ...media, mimeType: "image/webp" } }, ["a.pdf"]],
  [{ type: "location", latitude: 1, longitude: 1, name: "Monas" }, ["Monas"]],
  [{ type: "contacts", contacts: [{ name: "Siti", phones: [{ number: "+6281234567890" }] }] }, ["Siti"]],
  [{ type: "poll", question: "When?", options: ["A", "B"], maxSelections: 1 }, ["When?", "A", "B"]],
  [
    { type: "event", name: "Launch", startAt: "2026-12-24T09:00:00.000Z", description: "At nine" },
    ["Launch", "At nine"],
  ],
  [{ type: "buttons", text: "When?", buttons: options, render: "native" }, ["When?", "Today"]],
  [
    { type: "list", text: "T", buttonText: "B", render: "native", sections: [{ rows: [{ id: "1", title: "R" }] }] },
    ["T", "B", "R"],
  ],
  [{ type: "reply", id: "1", text: "Today" }, ["Today"]],
  [{ type: "unsupported" }, []],
])("the searched texts of %o", (content, texts) => expect(textsOf(content)).toEqual(texts));

test("a word has other tokens in another session, and under another key", () => {
  const one = wordTokens((text) => `k1 ${text}`, "ses_1", ["order", "late"]);
  expect(one).toEqual(wordTokens((text) => `k1 ${text}`, "ses_1", ["order", "late"]));
  const all = [
    ...one,
    ...wordTokens((text) => `k1 ${text}`, "ses_2", ["order", "late"]),
    ...wordTokens((text) => `k2 ${text}`, "ses_1", ["order", "late"]),
  ];
  expect(new Set(all).size).toBe(6);
  expect(all.every((token) => /^[\w-]{12}$/.test(token))).toBe(true);
});
