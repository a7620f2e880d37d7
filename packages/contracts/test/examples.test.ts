import { describe, expect, it } from "vitest";
import { z } from "zod";
import * as contracts from "../src/index.ts";

const shown = Object.entries(contracts).flatMap(([name, schema]) => {
  const { id, example } = schema instanceof z.ZodType ? (schema.meta() ?? {}) : {};
  return id === undefined || example === undefined ? [] : [{ name, schema: schema as z.ZodType, example }];
});
const exampleOf = <T>(schema: z.ZodType<T>) => schema.parse(schema.meta()?.["example"]);

describe("the examples of the reference", () => {
  it.each(shown)("$name is one that the API could answer", ({ schema, example }) => {
    expect(schema.parse(example)).toEqual(example);
  });

  it("exist for messages, sessions and alerts", () => {
    const names = ["AlertChannel", "AlertDelivery", "Incident", "Message", "Pool", "Session", "SessionEvent"];
    expect(shown.map(({ name }) => name)).toEqual(expect.arrayContaining([...names, "SessionHealth", "SessionProxy"]));
  });

  it("show a session whose state, reason, attempts and times fit together", () => {
    const session = exampleOf(contracts.Session);
    expect(session.detail).toBe(session.reason && contracts.sessionReasons[session.reason]);
    expect(session.state === "waiting").toBe(session.nextAttemptAt !== null);
    expect(session.state === "online" && session.attempts > 0).toBe(false);
    expect(session.since <= session.updatedAt).toBe(true);
    const { state, reason, detail, attempts, since: at } = session;
    expect(exampleOf(contracts.SessionEvent)).toMatchObject({ state, reason, detail, attempts, at });
  });

  it("show the health of that session, whose score is the sum of what it is made of", () => {
    const { facts, score, lastHour, limits, ...health } = exampleOf(contracts.SessionHealth);
    expect(score).toBe(Object.values(facts).reduce((sum, each) => sum + each, 0));
    expect(exampleOf(contracts.Session)).toMatchObject({ score, limits, state: health.state, since: health.since });
    expect(lastHour.failed).toBe(Object.values(lastHour.reasons).reduce((sum, each) => sum + each, 0));
    expect(facts.newChats).toBe(-Math.trunc((20 * limits!.newChats!.used) / limits!.newChats!.total));
  });

  it("show an incident with its own detail and its own delivery", () => {
    const incident = exampleOf(contracts.Incident);
    expect(incident.detail).toBe(contracts.sessionReasons[incident.reason as contracts.SessionReason]);
    expect(exampleOf(contracts.AlertDelivery).incidentId).toBe(incident.id);
    expect(exampleOf(contracts.CreatedAlertChannel).kind).toBe("webhook");
  });
});
