import type { SealedContent } from "@sandi/contracts";
import { expect, test } from "vitest";
import { numberedText } from "../src/content/numbered.ts";
import { mostReplyLength, numberedOptionsOf, replyTo } from "../src/content/options.ts";

const buttons: SealedContent = {
  type: "buttons",
  text: "When?",
  render: "text",
  buttons: [
    { id: "today", text: "Hari ini" },
    { id: "later", text: "Nanti saja!" },
  ],
};
const list: SealedContent = {
  type: "list",
  text: "Where?",
  buttonText: "Branches",
  render: "text",
  sections: [
    { title: "Java", rows: [{ id: "jkt", title: "Jakarta", description: "Open" }] },
    { rows: Array.from({ length: 9 }, (_, i) => ({ id: `b${i}`, title: `Bali ${i}` })) },
  ],
};
const text = (words: string) => ({ text: words });

test("the options of a list have the numbers that its text shows", () => {
  expect(numberedOptionsOf(list)).toHaveLength(10);
  expect(numberedOptionsOf(list)[0]).toEqual({ id: "jkt", text: "Jakarta" });
  expect(numberedOptionsOf(buttons).map(({ id }) => id)).toEqual(["today", "later"]);
  expect(numberedOptionsOf({ type: "text", text: "1. Hari ini" })).toEqual([]);
  expect(numberedOptionsOf({ ...list, render: "native" })).toEqual([]);
});

test.each([
  ["2", "later"],
  ["2.", "later"],
  [" 2) ", "later"],
  ["*2*", "later"],
  ["٢", "later"],
  ["２", "later"],
  ["Hari ini", "today"],
  ["HARI  INI", "today"],
  ["“hari ini”", "today"],
  ["nanti saja!", "later"],
])("%j is a reply to numbered buttons", (written, id) => {
  expect(replyTo(text(written), numberedOptionsOf(buttons))).toEqual({ type: "reply", id, text: written });
});

test.each(["0", "3", "12", "2 please", "22", "1.5", "-1", "Hari", "", "2\n1"])("%j is no reply", (written) => {
  expect(replyTo(text(written), numberedOptionsOf(buttons))).toBeNull();
});

test("the tenth row of a list is chosen by its number", () => {
  expect(replyTo(text("10."), numberedOptionsOf(list))).toMatchObject({ id: "b8" });
});

test("the words of an option come before its number", () => {
  const options = [
    { id: "a", text: "2" },
    { id: "b", text: "1" },
  ];
  expect(replyTo(text("1"), options)).toMatchObject({ id: "b" });
});

test("the longest option with marks around it is short enough for a reply", () => {
  expect(`*_"${"x".repeat(60)}"_*`.length).toBeLessThanOrEqual(mostReplyLength);
});

test("a numbered text counts over its groups", () => {
  const groups = [
    { title: "Java", options: [{ text: "Jakarta", description: "Open" }] },
    { options: [{ text: "Denpasar" }] },
  ];
  expect(numberedText({ text: "Where?", groups, footer: "Acme" })).toBe(
    "Where?\n\n*Java*\n1. Jakarta\n    Open\n\n2. Denpasar\n\nAcme",
  );
  expect(numberedText({ text: "Where?", groups: [groups[1]!] })).toBe("Where?\n\n1. Denpasar");
});
