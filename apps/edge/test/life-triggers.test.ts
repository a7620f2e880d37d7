import { expect, it } from "vitest";
import { lifeTriggers } from "../src/life-triggers.ts";
import { migrations } from "../src/db/migrations.ts";

/** The trigger as the newest migration that creates it has it. */
const released = (name: string) =>
  migrations
    .flatMap(({ statements }) => statements)
    .findLast((statement) => statement.startsWith(`CREATE TRIGGER ${name} `))
    ?.replaceAll(/\s+/g, " ");

it.each([...lifeTriggers])("%s is in a migration as the life cycles have it", (name, text) => {
  expect(released(name), "The life cycles have changed: add a migration that drops and creates the trigger.").toBe(
    text,
  );
});
