import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { eventRegistry, eventTypes } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { eventFiles } from "../src/event-files.ts";
import { inlineCode, root, rowsOf } from "../src/pages.ts";

const folder = "packages/contracts/fixtures/events";
const read = (path: string) => readFileSync(join(root, path), "utf8");
const made = new Map(eventFiles().map(({ path, text }) => [path, text]));

describe("the files of events", () => {
  it("are one example for each type, and the page", () => {
    const examples = eventTypes.map((type) => `${folder}/${type}.json`);
    expect([...made.keys()].toSorted()).toEqual([...examples, "docs/events.md"].toSorted());
    expect(readdirSync(join(root, folder)).toSorted()).toEqual(eventTypes.map((type) => `${type}.json`).toSorted());
  });

  it.each([...eventRegistry.values()])("have the example of $type, in the shape of its type", ({ type, schema }) => {
    const path = `${folder}/${type}.json`;
    const stored: unknown = JSON.parse(read(path));
    expect(stored).toEqual(JSON.parse(made.get(path)!));
    expect(schema.parse(stored)).toEqual(stored);
  });

  it("have the page as it is written (`npx pnpm@10.34.9 write-events`)", () => {
    expect(read("docs/events.md")).toBe(made.get("docs/events.md"));
  });
});

it("docs/events.md has a row for every type of event", () => {
  const named = rowsOf(read("docs/events.md")).flatMap(([type = ""]) => inlineCode(type));
  expect(named.filter((name) => /^[a-z]+\.[a-z_]+$/.test(name))).toEqual(eventTypes);
});
