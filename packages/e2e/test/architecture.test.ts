import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { ConnectorEvent, MessageStatus, SessionEvent, VerificationStatus } from "@sandi/contracts";
import { migrateDatabase } from "@sandi/edge/setup";
import { beforeAll, describe, expect, it } from "vitest";
import { inlineCode, readPages, root, rowsOf, section } from "../src/pages.ts";

const text = readPages().find(({ path }) => path === "ARCHITECTURE.md")?.text ?? "";
const foldersIn = (path: string) =>
  readdirSync(join(root, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
const types = ({ options }: { options: readonly { shape: { type: { value: string } } }[] }) =>
  options.map(({ shape }) => shape.type.value);

describe("ARCHITECTURE.md", () => {
  let triggers: { name: string; table: string; sql: string }[];

  beforeAll(async () => {
    const client = createClient({ url: ":memory:" });
    await migrateDatabase(client, new Date());
    const { rows } = await client.execute(
      `SELECT name, tbl_name AS "table", sql FROM sqlite_master WHERE type = 'trigger'`,
    );
    triggers = rows.map((row) => row as unknown as (typeof triggers)[number]);
    client.close();
  });

  it("is short", () => {
    expect(text.split("\n").length).toBeLessThanOrEqual(170);
  });

  it("names every package and every folder of the apps, and no other", () => {
    const rooms = section(text, "Rooms");
    const all = ["apps", "packages"].flatMap((top) => foldersIn(top).map((name) => `${top}/${name}`));
    expect(new Set(rowsOf(rooms).flatMap(([room = ""]) => inlineCode(room)))).toEqual(new Set(all));
    for (const [opening, folder] of [
      ["At the edge", "apps/edge/src"],
      ["At the connector", "apps/connector/src"],
    ] as const) {
      const paragraph = rooms.split("\n").find((line) => line.startsWith(opening)) ?? "";
      const named = inlineCode(paragraph).filter((name) => name !== folder);
      expect(new Set(named)).toEqual(new Set(foldersIn(folder)));
    }
    const paths = inlineCode(text).filter((code) => /^(apps|packages)\/[\w./-]+$/.test(code));
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it("has every event of the timeline and of a session's history, and no other", () => {
    // The life cycles name the events of transitions. Other events are in the text of triggers.
    const lives = ["verifications", "messages"].map((feature) => join(root, `apps/edge/src/${feature}/life.ts`));
    // What people do with a message is no transition.
    const files = [...lives, join(root, "apps/edge/src/messages/received.ts")];
    const code = [...files.map((file) => readFileSync(file, "utf8")), ...triggers.map(({ sql }) => sql)].join("\n");
    const written = [...code.matchAll(/["']((?:verification|message|session|batch|poll)\.[a-z_]+)["']/g)].map(
      ([, type]) => type!,
    );
    const ends = [
      ...VerificationStatus.options.filter((status) => status !== "pending").map((status) => `verification.${status}`),
      ...MessageStatus.options.filter((status) => status !== "sending").map((status) => `message.${status}`),
    ];
    const listed = rowsOf(section(text, "Events").split("\n### ")[0]!).flatMap(([event = ""]) => inlineCode(event));
    expect(new Set(listed)).toEqual(new Set([...written, ...ends, ...types(SessionEvent)]));
  });

  it("has every event that a connector reports, and no other", () => {
    const line = text.split("\n").find((each) => each.startsWith("Connectors report ")) ?? "";
    expect(new Set(inlineCode(line))).toEqual(new Set(types(ConnectorEvent)));
  });

  it("has every trigger of a migrated database at its table, and no other", () => {
    const listed = rowsOf(section(text, "Triggers")).flatMap(([table = "", names = ""]) =>
      inlineCode(names).map((name) => `${inlineCode(table)[0]} ${name}`),
    );
    expect(new Set(listed)).toEqual(new Set(triggers.map(({ table, name }) => `${table} ${name}`)));
  });
});
