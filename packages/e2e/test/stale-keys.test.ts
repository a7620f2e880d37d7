import { afterAll, beforeAll, expect, it } from "vitest";
import type { ApiKeyList } from "@sandi/contracts";
import { startTestEdge, type TestEdge } from "../src/edge.ts";

let edge: TestEdge;

beforeAll(async () => {
  edge = await startTestEdge();
});
afterAll(() => edge.stop());

it("the Worker refuses to revoke the last managing key, and all changes by a key that another isolate revoked", async () => {
  const { body } = await edge.api<ApiKeyList>("GET /v1/keys");
  const id = body.keys.find(({ environment }) => environment === "live")?.id ?? "";
  const last = await edge.api<{ code: string }>(`DELETE /v1/keys/${id}`);
  expect([last.status, last.body.code]).toEqual([409, "last-manager-key"]);
  expect((await edge.api("POST /v1/pools", { name: "First" })).status).toBe(201);

  await edge.sql("UPDATE api_key SET revoked_at = 1 WHERE id = ?", [id]);
  const refused = await edge.api<{ code: string }>("POST /v1/pools", { name: "Second" });
  expect([refused.status, refused.body.code]).toEqual([401, "unauthenticated"]);
  expect(await edge.sql("SELECT name FROM pool WHERE name = 'Second'")).toEqual([]);
  expect((await edge.api("GET /v1/keys")).status).toBe(401);
});
