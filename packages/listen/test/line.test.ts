import { type Event, eventRegistry } from "@sandi/contracts";
import { expect, it } from "vitest";
import { jsonLineOf, lineOf } from "../src/line.ts";

const plain = (_: string, text: string) => text;
const example = (type: string) => {
  const found = [...eventRegistry.values()].find((each) => each.type === type);
  return found?.example as Event;
};
const withoutTime = (line: string) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} {2}/, "");

it.each([...eventRegistry.keys()])("%s is one line with its time, its type and its ids", (type) => {
  const event = example(type);
  const line = lineOf(event, plain);
  expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}[^\n]+$/);
  expect(line).toContain(type);
  const ids = [event.messageId, event.verificationId, event.sessionId].filter((id) => id !== null);
  for (const id of ids) expect(line).toContain(id);
  expect(line).not.toMatch(/\[object|undefined|null/);
});

it("shows who wrote what, and why something failed", () => {
  const received = example("message.received");
  expect(withoutTime(lineOf(received, plain))).toBe(
    `message.received        from Siti  “Where is my order?”  ${received.messageId} ${received.sessionId}`,
  );
  const failed = example("message.failed");
  expect(lineOf(failed, plain)).toContain(`reason=${String(failed.change["reason"])}`);
});

it("cannot be made to move the cursor, change colours or break the line by what people write", () => {
  const received = example("message.received");
  const text = "\u001b[2J\u001b[31mred\r\nnew line\u202egnol\u2028\u0007";
  const event = { ...received, data: { ...received.data, content: { type: "text", text } } };
  const line = lineOf(event, plain);
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(line).toContain("“ [2J [31mred new line gnol ”");
});

it("nor as JSON, which is still the same event", () => {
  const received = example("message.received");
  const text = "\u009b2J\u007f\u202egnol\u2028\u{e0041}👍";
  const event = { ...received, data: { ...received.data, content: { type: "text", text } } };
  const line = jsonLineOf(event);
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(JSON.parse(line)).toEqual(event);
});

it("shortens long texts", () => {
  const received = example("message.received");
  const event = { ...received, data: { ...received.data, content: { type: "text", text: "x".repeat(5_000) } } };
  expect(lineOf(event, plain).length).toBeLessThan(250);
});

it("marks events of the sandbox", () => {
  expect(lineOf({ ...example("message.sent"), isTest: true }, plain)).toContain("  test  ");
});
