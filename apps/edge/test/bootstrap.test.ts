import type { CreatedWorkspace } from "@sandi/contracts";
import { s256, verifyPassword } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.ts";
import { DatabaseFetchError } from "../src/db/failures.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const token = "operator-token-0123456789-abcdefghij";
const input = { name: "First", adminEmail: "Ops@Example.com", defaultCountry: "ID" };

beforeEach(() => {
  edge.services.bootstrapToken = token;
});

const bootstrap = (body: unknown = input, key: string | null = token) =>
  edge.api<CreatedWorkspace>("POST /v1/workspaces", body, { key });
const tables = ["workspace", "user", "api_key", "audit", "bootstrap"];
const counts = () => Promise.all(tables.map((table) => edge.count(table)));
const untouched = [1, 0, 1, 0, 0];

describe("the operator's token", () => {
  it("makes a workspace, its admin and two keys, once", async () => {
    const { status, body, text } = await bootstrap();
    expect(status).toBe(201);
    expect(body.admin.email).toBe("ops@example.com");
    const [user] = await edge.rows("SELECT * FROM user");
    expect(user).toMatchObject({ workspace_id: body.workspaceId, email: "ops@example.com", role: "admin" });
    expect(await verifyPassword(body.admin.password, String(user?.["password_hash"]))).toMatchObject({ ok: true });
    const found = await edge.api("GET /v1/workspace", undefined, { key: body.apiKey });
    expect(found.body).toMatchObject({ id: body.workspaceId, name: "First", policy: { defaultCountry: "ID" } });
    const session = await edge.api<{ poolId: string }>("POST /v1/sessions", { name: "a" }, { key: body.apiKey });
    expect([session.status, session.body.poolId]).toEqual([201, body.workspaceId.replace("ws_", "pool_")]);
    const made = await edge.rows(
      "SELECT environment, scopes FROM api_key WHERE workspace_id = ? ORDER BY rowid",
      body.workspaceId,
    );
    expect(made.map(({ environment }) => environment)).toEqual(["live", "test"]);
    const [, test] = made.map(({ scopes }) => JSON.parse(String(scopes)) as string[]);
    const sandbox = "otp:send otp:check otp:custom otp:reveal otp:approve message:send message:read";
    expect(test).toEqual(sandbox.split(" "));
    expect(await edge.rows("SELECT token_hash, workspace_id FROM bootstrap")).toEqual([
      { token_hash: await s256(token), workspace_id: body.workspaceId },
    ]);
    expect(await edge.rows("SELECT actor, action, workspace_id FROM audit LIMIT 1")).toEqual([
      { actor: "operator", action: "workspace.created", workspace_id: body.workspaceId },
    ]);
    expect(text).not.toContain(token);
    const before = await counts();
    const again = await bootstrap({ ...input, adminEmail: "second@example.com" });
    expect([again.status, again.body.code, await counts()]).toEqual([401, "unauthenticated", before]);
  });

  it("makes one workspace, however many use it at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, i) => bootstrap({ ...input, adminEmail: `ops${i}@example.com` })),
    );
    expect(answers.filter(({ status }) => status === 201).length).toBe(1);
    expect(answers.filter(({ body }) => body.code === "unauthenticated").length).toBe(4);
    expect(await counts()).toEqual([2, 1, 3, 1, 1]);
  });

  it.each([
    ["another", `${token}x`],
    ["a shorter", token.slice(0, -1)],
    ["an empty", ""],
    ["no", null],
  ])("is not %s one", async (_, given) => {
    const { status, body, headers } = await bootstrap(input, given);
    expect([status, body.code, headers.get("www-authenticate")]).toEqual([401, "unauthenticated", "Bearer"]);
    expect(await counts()).toEqual(untouched);
  });

  it("is not an API key, and there is none unless it is set", async () => {
    expect((await bootstrap(input, edge.workspace.key)).status).toBe(401);
    delete edge.services.bootstrapToken;
    for (const key of [token, "undefined", "", null]) expect((await bootstrap(input, key)).status).toBe(401);
    expect(await counts()).toEqual(untouched);
  });

  it("is asked for before the body is looked at", async () => {
    expect((await bootstrap("{", "wrong")).status).toBe(401);
    expect((await bootstrap("{")).status).toBe(400);
  });

  it.each([
    ["/name", { name: "evil.example" }],
    ["/adminEmail", { adminEmail: "nobody" }],
    ["/defaultCountry", { defaultCountry: "XX" }],
    ["/defaultCountry", { defaultCountry: "Indonesia" }],
    ["/policy", { policy: {} }],
  ])("is not used up by a wrong %s: %j", async (pointer, more) => {
    const { status, body } = await bootstrap({ ...input, ...more });
    expect([status, body.errors?.map((each) => each.pointer)]).toEqual([400, [pointer]]);
    expect((await bootstrap()).status).toBe(201);
  });

  it("is not used up by the address of an admin that there is", async () => {
    expect((await bootstrap()).status).toBe(201);
    const before = await counts();
    edge.services.bootstrapToken = `${token}-second`;
    const taken = await bootstrap(input, `${token}-second`);
    expect([taken.status, taken.body.errors?.[0]?.pointer, await counts()]).toEqual([400, "/adminEmail", before]);
    expect((await bootstrap({ ...input, adminEmail: "b@example.com" }, `${token}-second`)).status).toBe(201);
  });

  it.each([
    ["stored, and its answer lost", true, 1, 201],
    ["lost", false, 1, 503],
    ["stored, and nothing answered", true, 2, 503],
    ["lost, and nothing answered", false, 2, 503],
  ])("is good for another try only when nothing was made: %s", async (_, isStored, failures, status) => {
    const { db } = edge.services;
    let failed = 0;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        if (failed++ >= failures) return db.write(queries);
        if (isStored && failed === 1) await db.write(queries);
        throw new DatabaseFetchError("lost");
      },
    };
    const first = await bootstrap();
    await edge.settled();
    const second = await bootstrap();
    expect([first.status, second.status]).toEqual([status, status === 201 ? 401 : 201]);
    expect((await counts()).slice(0, 3)).toEqual([2, 1, 3]);
  });

  it("has 32 characters or more", () => {
    expect(() => parseConfig({ BOOTSTRAP_TOKEN: "short" })).toThrow("BOOTSTRAP_TOKEN: must be 32 characters");
    expect(() => parseConfig({ BOOTSTRAP_TOKEN: token })).not.toThrow("BOOTSTRAP_TOKEN");
    expect(() => parseConfig({})).not.toThrow("BOOTSTRAP_TOKEN");
  });
});
