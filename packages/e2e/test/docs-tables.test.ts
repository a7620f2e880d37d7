import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errors, failureReasons, incidentKinds, MessageStatus, scopes, SessionState } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { inlineCode, readPages, root, rowsOf, section } from "../src/pages.ts";

const pages = readPages();
const page = (path: string) => {
  const found = pages.find((each) => each.path === path);
  if (!found) throw new Error(`no page ${path}`);
  return found.text;
};
const source = (path: string) => readFileSync(join(root, path), "utf8");
/** What the first column of these tables names in code. */
const named = (text: string, column = 0) => rowsOf(text).flatMap((cells) => inlineCode(cells[column] ?? ""));

describe("the tables of the documentation", () => {
  it.each([
    ["Edge", "apps/edge/src/config.ts"],
    ["Connector", "apps/connector/src/config.ts"],
  ])("have every environment variable of the %s, and no other", (heading, path) => {
    const read = [...source(path).matchAll(/^ {4}([A-Z][A-Z0-9_]+):/gm)].map(([, name]) => name);
    expect(read.length).toBeGreaterThan(20);
    expect(new Set(named(section(page("docs/configuration.md"), heading)))).toEqual(new Set(read));
  });

  it("name variables of commands and tools that are read somewhere", () => {
    const names = named(section(page("docs/configuration.md"), "Commands and tools"));
    expect(names.length).toBeGreaterThan(5);
    const files = ["apps", "packages"].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((path) => /^[^/]+\/(src|scripts|test)\/.*\.ts$/.test(path) && !path.includes("node_modules"))
        .map((path) => source(`${folder}/${path}`)),
    );
    expect(names.filter((name) => !files.some((text) => text.includes(name)))).toEqual([]);
  });

  it("have every scope, state, status, reason and kind of incident", () => {
    expect(named(section(page("docs/keys-and-policy.md"), "API keys"))).toEqual([...scopes]);
    const states = section(page("docs/sessions-and-senders.md"), "Desired state and actual state");
    expect(named(states)).toEqual(SessionState.options);
    expect(named(section(page("docs/alerts.md"), "Incidents"))).toEqual(Object.keys(incidentKinds));
    expect(named(section(page("docs/messages.md"), "Follow a message"))).toEqual(MessageStatus.options);
    expect(named(section(page("docs/messages.md"), "Reasons of a failure"))).toEqual(Object.keys(failureReasons));
  });

  it("name errors with the status that they have", () => {
    const rows = rowsOf(section(page("docs/verifications.md"), "Create and check")).filter(([, code]) => code !== "");
    const listed = rows.map(([status, code = ""]) => [inlineCode(code)[0], Number(status)]);
    expect(listed.length).toBeGreaterThan(5);
    const known = Object.fromEntries(Object.entries(errors).map(([code, { status }]) => [code, status]));
    expect(listed).toEqual(listed.map(([code]) => [code, known[code ?? ""]]));
  });
});

/** The anchors of a page, as GitHub makes them. */
const anchorsOf = (path: string) =>
  [...source(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

describe("the links of the documentation", () => {
  it("lead to files and headings that exist", () => {
    const broken: string[] = [];
    let links = 0;
    for (const { path, text } of pages) {
      for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
        links++;
        const [file = "", anchor] = target.split("#");
        const linked = file === "" ? path : join(dirname(path), file);
        const exists = existsSync(join(root, linked));
        if (!exists || (anchor !== undefined && !anchorsOf(linked).includes(anchor))) broken.push(`${path}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
    expect(links).toBeGreaterThan(20);
  });

  it("reach every page from the README", () => {
    const missing = pages.filter(({ path }) => path !== "README.md" && !page("README.md").includes(`(${path})`));
    expect(missing.map(({ path }) => path)).toEqual([]);
  });
});
