import { describe, expect, it } from "vitest";
import {
  EventPattern,
  eventRegistry,
  type EventType,
  eventTypes,
  matchesPattern,
  typesOnlyByName,
} from "../src/index.ts";

const isInAll = (type: EventType) => !typesOnlyByName.includes(type);

describe("the registry of events", () => {
  it.each([...eventRegistry.values()])("has a valid example of $type", ({ schema, example, type }) => {
    expect(schema.parse(example)).toEqual(example);
    expect(example.type).toBe(type);
  });

  it("names each type once, as a family and a fact", () => {
    expect(new Set(eventTypes).size).toBe(eventTypes.length);
    for (const type of eventTypes) expect(type).toMatch(/^[a-z]+\.[a-z_]+$/);
  });

  it("says of each type in sentences when it happens and what follows", () => {
    for (const { when, follows } of eventRegistry.values()) {
      for (const text of [when, follows]) expect(text).toMatch(/^[A-Z`].*\.$/);
    }
  });
});

describe("the pattern of events", () => {
  it("is all events, a family or a type", () => {
    const families = ["message.*", "poll.*", "verification.*", "session.*", "chat.*", "batch.*"];
    for (const pattern of ["*", ...families, ...eventTypes]) expect(EventPattern.parse(pattern)).toBe(pattern);
  });

  it.each(["message", "message.", "message.sen*", "messages.*", "message.unknown", "**", "", "*.sent"])(
    "is not %j, and says what it must be",
    (pattern) => {
      expect(EventPattern.safeParse(pattern).error?.issues).toMatchObject([
        { message: "must be `*`, a family such as `message.*`, or a type such as `message.sent`" },
      ]);
    },
  );

  it("matches every type by `*`, by its family and by its name", () => {
    expect(eventTypes.filter((type) => matchesPattern("*", type))).toEqual(eventTypes.filter(isInAll));
    for (const type of eventTypes) expect(eventTypes.filter((each) => matchesPattern(type, each))).toEqual([type]);
    const sessions = eventTypes.filter((type) => matchesPattern("session.*", type));
    expect(sessions).toEqual(["session.state", "session.account", "session.limits", "session.proxy"]);
  });

  it("matches a type that is not known by `*` and its family alone", () => {
    expect(
      ["*", "call.*", "message.*", "message.sent"].map((pattern) => matchesPattern(pattern, "call.received")),
    ).toEqual([true, true, false, false]);
  });
});
