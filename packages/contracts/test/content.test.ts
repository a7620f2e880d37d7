import { describe, expect, it } from "vitest";
import { CreateMessage, sealedPayload, SealedPayload } from "../src/index.ts";

const to = "+6281234567890";
const options = (texts: string[]) => texts.map((text, i) => ({ id: String(i), text }));
const rows = (count: number) => Array.from({ length: count }, (_, i) => ({ id: String(i), title: `Row ${i}` }));
const person = (name: string) => ({ name, phones: [{ number: to }] });
const poll = { type: "poll", question: "When?", options: ["Morning", "Evening"] };
const event = { type: "event", name: "Launch", startAt: "2026-12-24T09:00:00.000Z" };
const buttons = { type: "buttons", text: "Shall we?", buttons: options(["Yes", "No"]) };
const list = { type: "list", text: "Where?", buttonText: "Branches", sections: [{ rows: rows(2) }] };

/** The wrong fields of a body, with the reasons. */
const faultsOf = (body: object) =>
  CreateMessage.safeParse({ to, ...body }).error?.issues.map(({ path, message }) => `${path.join("/")} ${message}`);

describe("what a caller sends", () => {
  it.each<[string, object]>([
    ["a long text", { type: "text", text: "x".repeat(65_536) }],
    ["a text without a preview", { type: "text", text: "https://acme.example", linkPreview: false }],
    [
      "a text with a preview",
      {
        type: "text",
        text: "See https://acme.example/42",
        linkPreview: { url: "https://acme.example/42", title: "42" },
      },
    ],
    ["twenty contacts", { type: "contacts", contacts: Array.from({ length: 20 }, () => person("Ayu")) }],
    ["a poll for one choice", { ...poll, maxSelections: 1 }],
    ["a poll for every choice", { ...poll, maxSelections: 2 }],
    ["an event with everything", { ...event, endAt: "2026-12-24T20:00:00+07:00", location: { name: "Monas" } }],
    ["three buttons", { ...buttons, buttons: options(["1", "2", "3"]), render: "native" }],
    ["a list of ten rows", { ...list, sections: [{ title: "A", rows: rows(10) }] }],
    ["a mention of everybody", { type: "text", text: "@all", mentions: "all" }],
    ["a mention of a hidden person", { ...poll, mentions: ["123456789012345@lid"] }],
    ["a reply of any kind", { ...event, quotedMessageId: "msg_01jd3v5p7q9r1s3t5v7w9x1y3z" }],
  ])("may be %s", (_name, body) => {
    const parsed = CreateMessage.parse({ to, ...body });
    expect(parsed).toMatchObject(body);
    const { to: _, sessionId: _session, poolId: _pool, lane: _lane, expiresIn: _expiry, ...content } = parsed;
    const sealed = JSON.parse(JSON.stringify(sealedPayload(to, content)));
    expect(SealedPayload.parse(sealed)).toMatchObject({ to, ...body });
  });

  it.each<[string, object, RegExp]>([
    ["an empty text", { type: "text", text: "" }, /^text /],
    ["a text that is too long", { type: "text", text: "x".repeat(65_537) }, /^text /],
    [
      "a preview of a link that is not in the text",
      { type: "text", text: "Hello", linkPreview: { url: "https://acme.example", title: "Acme" } },
      /^linkPreview\/url must be in the text/,
    ],
    [
      "a preview of no link",
      { type: "text", text: "http://a.example", linkPreview: true },
      /^linkPreview needs an https link/,
    ],
    [
      "a preview with a picture",
      { type: "text", text: "https://a.example", linkPreview: { url: "https://a.example", title: "A", image: "x" } },
      /^linkPreview/,
    ],
    ["no contacts", { type: "contacts", contacts: [] }, /^contacts /],
    ["21 contacts", { type: "contacts", contacts: Array.from({ length: 21 }, () => person("Ayu")) }, /^contacts /],
    [
      "a contact without a phone",
      { type: "contacts", contacts: [{ name: "Ayu", phones: [] }] },
      /^contacts\/0\/phones/,
    ],
    ["a poll of one option", { ...poll, options: ["Yes"] }, /^options /],
    ["a poll of 13 options", { ...poll, options: rows(13).map(({ title }) => title) }, /^options /],
    ["a poll whose options look the same", { ...poll, options: ["Yes", " yes"] }, /^options must be distinct/],
    ["more choices than options", { ...poll, maxSelections: 3 }, /^maxSelections must be at most/],
    ["no choice", { ...poll, maxSelections: 0 }, /^maxSelections /],
    ["an event that ends before it begins", { ...event, endAt: "2026-12-24T08:00:00Z" }, /^endAt must be after/],
    ["an event with half a place", { ...event, location: { name: "Monas", latitude: 1 } }, /^location needs both/],
    ["an event with another link", { ...event, callLink: "https://acme.example/call" }, /^callLink must be/],
    ["four buttons", { ...buttons, buttons: options(["1", "2", "3", "4"]) }, /^buttons /],
    [
      "buttons with the same text",
      { ...buttons, buttons: options(["Yes", "YES"]) },
      /^buttons must have distinct texts/,
    ],
    [
      "buttons with the same id",
      { ...buttons, buttons: [...options(["Yes"]), ...options(["No"])] },
      /^buttons must have distinct ids/,
    ],
    [
      "a list of eleven rows",
      { ...list, sections: [{ rows: rows(6) }, { rows: rows(5) }] },
      /^sections must have at most 10 rows/,
    ],
    [
      "rows with the same id in two sections",
      { ...list, sections: [{ rows: rows(1) }, { rows: [{ id: "0", title: "Other" }] }] },
      /^sections must have distinct ids/,
    ],
    ["a field of another kind", { type: "text", text: "x", question: "y" }, /^ Unrecognized key/],
    ["a mention that is no address", { type: "text", text: "x", mentions: ["@ayu"] }, /^mentions/],
    ["a type that is only received", { type: "reply", id: "1", text: "x" }, /^type /],
  ])("must not be %s", (_name, body, fault) => {
    expect(faultsOf(body)?.[0]).toMatch(fault);
  });

  it("has the canonical number of a mention", () => {
    expect(CreateMessage.parse({ to, type: "text", text: "x", mentions: ["+5215512345678"] })).toMatchObject({
      mentions: ["+525512345678"],
    });
  });
});

it.each([
  [undefined, "text"],
  ["auto", "text"],
  ["text", "text"],
  ["native", "native"],
])("options that are asked for as %s are rendered as %s", (render, expected) => {
  const parsed = CreateMessage.parse({ to, ...buttons, render });
  const { to: _, sessionId: _session, poolId: _pool, lane: _lane, expiresIn: _expiry, ...content } = parsed;
  expect(SealedPayload.parse(sealedPayload(to, content))).toMatchObject({ type: "buttons", render: expected });
});
