import { expect, it } from "vitest";
import { createSession } from "../src/sessions/create-session.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const create = (idempotencyKey?: string, key = edge.workspace.key) => {
  const headers: Record<string, string> = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
  return edge.api("POST /v1/sessions", { name: "a" }, { key, headers });
};

it("a workspace has at most 50 sessions, deleted ones and another's apart", async () => {
  const first = await create("first");
  for (let i = 1; i < 49; i++) await edge.addSession();
  const last = await create("last");
  expect([first.status, last.status]).toEqual([201, 201]);
  const refused = await create("more");
  expect([refused.status, refused.body.code]).toEqual([409, "session-limit-reached"]);
  expect(await edge.count("session")).toBe(50);
  // What was answered before is answered again.
  expect((await create("last")).body["id"]).toBe(last.body["id"]);
  expect((await create(undefined, (await edge.addWorkspace()).key)).status).toBe(201);
  await edge.api(`DELETE /v1/sessions/${first.body["id"] as string}`);
  expect((await create("more")).status).toBe(201);
  expect((await create()).status).toBe(409);
});

it("of creates at the same time, no more than the limit come through", async () => {
  const ctx = await edge.contextOf();
  const one = () => createSession(ctx, { name: "a", idempotencyKey: undefined }, 3);
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, one));
  expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBe(3);
  expect(await edge.count("session")).toBe(3);
});
