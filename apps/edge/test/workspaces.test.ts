import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "@libsql/client";
import { Policy, Quota, type Workspace } from "@sandi/contracts";
import { scopes } from "@sandi/contracts";
import { hashApiKey } from "@sandi/crypto";
import { describe, expect, it } from "vitest";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { createWorkspace, migrateDatabase, setQuota } from "../src/setup.ts";
import { auditRows } from "./audit-rows.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));

const look = () => edge.api<Workspace>("GET /v1/workspace");
const change = (body: unknown, options = {}) => edge.api<Workspace>("PATCH /v1/workspace", body, options);
const stored = async () =>
  JSON.parse(String((await edge.rows("SELECT policy FROM workspace"))[0]?.["policy"])) as unknown;

describe("the workspace", () => {
  it("is shown with every default of its policy and quota", async () => {
    const { status, body } = await look();
    expect([status, body]).toEqual([
      200,
      {
        id: edge.workspace.id,
        name: "Acme",
        createdAt: "2026-10-22T08:00:00.000Z",
        policy: Policy.parse({ countries: ["*"] }),
        quota: Quota.parse({}),
      },
    ]);
    const key = await edge.addKey(
      edge.workspace.id,
      scopes.filter((scope) => scope !== "key:manage"),
    );
    expect((await edge.api("GET /v1/workspace", undefined, { key })).status).toBe(403);
    expect((await change({}, { key })).status).toBe(403);
  });

  it("keeps what a change leaves out, and a default comes back by null", async () => {
    const first = await change({ policy: { maxChecks: 3, locale: "id", retentionDays: { audit: 30 } } });
    expect(first.body.policy).toEqual(
      Policy.parse({ countries: ["*"], maxChecks: 3, locale: "id", retentionDays: { audit: 30 } }),
    );
    expect(first.body).toEqual((await look()).body);
    await change({ name: "Acme Inc", policy: { retentionDays: { messages: 1 } } });
    expect(await stored()).toEqual({
      countries: ["*"],
      maxChecks: 3,
      locale: "id",
      retentionDays: { audit: 30, messages: 1 },
    });
    const last = await change({ policy: { maxChecks: null, locale: null, retentionDays: { audit: null } } });
    expect(last.body).toMatchObject({
      name: "Acme Inc",
      policy: { maxChecks: 5, locale: null, retentionDays: { audit: 365, messages: 1 } },
    });
    await change({ policy: { retentionDays: null } });
    expect(await stored()).toEqual({ countries: ["*"] });
  });

  it("has the old and new values in the audit log, and no entry when nothing changes", async () => {
    const [{ id: actor } = {}] = await edge.rows(
      "SELECT id FROM api_key WHERE hash = ?",
      await hashApiKey(edge.workspace.key),
    );
    await change({ name: "B", policy: { modes: ["push"], maxChecks: 5 } });
    await change({ name: "B", policy: { modes: ["push"] } });
    await change({});
    const detail = {
      name: { from: "Acme", to: "B" },
      policy: { modes: { from: ["push", "inbound", "auto"], to: ["push"] } },
    };
    expect(await auditRows(edge)).toEqual([
      { actor, action: "workspace.updated", target: edge.workspace.id, detail: JSON.stringify(detail) },
    ]);
  });

  it("acts on the next request here, and within a minute elsewhere", async () => {
    const cached = () => [...edge.services.keyCache.values()].map(({ actor: { policy } }) => policy.maxSends);
    const stranger = await edge.addWorkspace();
    await edge.api("GET /v1/sessions", undefined, { key: stranger.key });
    await change({ policy: { maxSends: 2 } });
    expect(cached()).toEqual([5]);
    await look();
    expect(cached()).toEqual([5, 2]);
  });

  it.each([
    ["/policy/defaultMode", { modes: ["inbound"] }],
    ["/policy/defaultMode", { defaultMode: "auto", modes: ["push", "inbound"] }],
    ["/policy/defaultCountry", { defaultCountry: "XX" }],
    ["/policy/defaultCountry", { defaultCountry: "id" }],
    ["/policy/countries/1", { countries: ["ID", "ZZ"] }],
    ["/policy/countries", { countries: [] }],
    ["/policy/countries", { countries: null }],
    ["/policy/modes", { modes: [] }],
    ["/policy/codeLength", { codeLength: 3 }],
    ["/policy/codeLength", { codeLength: "6" }],
    ["/policy/companyName", { companyName: "evil.example" }],
    ["/policy/cooldownSeconds/0", { cooldownSeconds: [1] }],
    ["/policy/retentionDays/audit", { retentionDays: { audit: 1 } }],
    ["/policy/retentionDays/codes", { retentionDays: { codes: 1 } }],
    ["/policy/quota", { quota: {} }],
    ["/policy/__proto__", JSON.parse('{"__proto__":1}')],
    ["/policy", "x"],
  ])("refuses a wrong %s: %j", async (pointer, policy) => {
    const { status, body } = await change({ policy });
    expect([status, body.errors?.map((each) => each.pointer)]).toEqual([400, [pointer]]);
    expect([await stored(), await auditRows(edge)]).toEqual([{ countries: ["*"] }, []]);
  });

  it("takes fields that go together only together", async () => {
    expect((await change({ policy: { modes: ["inbound"], defaultMode: "inbound" } })).status).toBe(200);
    expect((await change({ policy: { defaultMode: null } })).body.errors?.[0]?.pointer).toBe("/policy/defaultMode");
    expect((await change({ policy: { countries: [], defaultCountry: "ID" } })).status).toBe(200);
  });

  it.each([
    ["/quota", { quota: { sendsPerDay: 1_000_000 } }],
    ["/name", { name: "" }],
    ["/name", { name: "evil.example" }],
    ["/id", { id: "ws_x" }],
  ])("lets nobody set %s: %j", async (pointer, body) => {
    const answer = await change(body);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, pointer]);
  });

  it("loses no change of several at a time", async () => {
    const answers = await Promise.all([
      change({ policy: { maxChecks: 2 } }),
      change({ policy: { maxSends: 2 } }),
      change({ name: "C" }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await look()).body).toMatchObject({ name: "C", policy: { maxChecks: 2, maxSends: 2 } });
  });

  it("is changed by no test key, and by no key that was revoked elsewhere a moment ago", async () => {
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect((await change({ name: "T" }, { key: test })).body.code).toBe("test-keys-not-supported");
    const revoked = await edge.addKey(edge.workspace.id);
    await edge.api("GET /v1/workspace", undefined, { key: revoked });
    await edge.client.execute({
      sql: "UPDATE api_key SET revoked_at = 1 WHERE hash = ?",
      args: [await hashApiKey(revoked)],
    });
    expect((await change({ name: "T" }, { key: revoked })).body.code).toBe("unauthenticated");
    expect((await look()).body.name).toBe("Acme");
  });

  it.each([
    [true, 200, "D"],
    [false, 503, "Acme"],
  ])("answers a change as stored when only the answer was lost (%s)", async (isStored, status, name) => {
    const { db } = edge.services;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        edge.services.db = db;
        if (isStored) await db.write(queries);
        throw new DatabaseFetchError("lost");
      },
    };
    expect((await change({ name: "D" })).status).toBe(status);
    expect((await look()).body.name).toBe(name);
  });
});

const grant = (quota: Record<string, number | null>, workspaceId = edge.workspace.id) =>
  setQuota({ client: edge.client, now: edge.services.now(), random: edge.services.random, workspaceId, quota });

const draft = () => ({
  client: edge.client,
  now: edge.services.now(),
  random: edge.services.random,
  name: "New",
  adminEmail: " Ops@Example.com ",
  adminPassword: "a password",
  defaultCountry: "ID",
});

describe("the operator", () => {
  it("sets a quota, which is audited and seen within a minute", async () => {
    await look();
    expect(await grant({ sendsPerDay: 50_000 })).toEqual(Quota.parse({ sendsPerDay: 50_000 }));
    edge.advance(60_000);
    expect((await look()).body.quota.sendsPerDay).toBe(50_000);
    expect(await grant({ sendsPerDay: null, keyBurst: 41 })).toEqual(Quota.parse({ keyBurst: 41 }));
    expect((await auditRows(edge)).map(({ actor, action, detail }) => [actor, action, detail])).toEqual([
      ["operator", "quota.updated", '{"sendsPerDay":{"from":10000,"to":50000}}'],
      ["operator", "quota.updated", '{"keyBurst":{"from":40,"to":41},"sendsPerDay":{"from":50000,"to":10000}}'],
    ]);
  });

  it.each([{ sendsPerDay: 0 }, { sendsPerDay: 1.5 }, { sendsPerWeek: 1 }])("sets no quota of %j", async (quota) => {
    await expect(grant(quota as Record<string, number>)).rejects.toThrow("the quota is not valid: sendsPer");
    await expect(grant({ keyBurst: 1 }, "ws_nobody")).rejects.toThrow("there is no workspace ws_nobody");
    expect(await auditRows(edge)).toEqual([]);
  });

  it("makes a workspace with a live key and a test key, its policy and its quota", async () => {
    const made = await createWorkspace({ ...draft(), policy: { maxChecks: 3 }, quota: { keyBurst: 7 } });
    const { body } = await edge.api<Workspace>("GET /v1/workspace", undefined, { key: made.apiKey });
    expect(body).toMatchObject({
      id: made.workspaceId,
      name: "New",
      policy: { defaultCountry: "ID", countries: [], maxChecks: 3 },
      quota: { keyBurst: 7, keyPerSecond: 20 },
    });
    expect([made.apiKey.slice(0, 11), made.testApiKey.slice(0, 11)]).toEqual(["sandi_live_", "sandi_test_"]);
    const rows = await edge.rows(
      "SELECT environment, scopes FROM api_key WHERE workspace_id = ? ORDER BY rowid",
      made.workspaceId,
    );
    expect(rows).toEqual([
      { environment: "live", scopes: JSON.stringify(scopes) },
      { environment: "test", scopes: JSON.stringify(scopes.filter((scope) => /^(otp|message):/.test(scope))) },
    ]);
    expect((await auditRows(edge)).map(({ actor, action }) => [actor, action])).toEqual([
      ["operator", "workspace.created"],
    ]);
  });

  it.each([
    ["policy/defaultCountry", { defaultCountry: "Indonesia" }],
    ["policy/defaultCountry", { defaultCountry: "XX" }],
    ["policy/maxChecks", { policy: { maxChecks: 0 } }],
    ["policy/defaultMode", { policy: { modes: ["inbound" as const] } }],
    ["the quota: it keyBurst", { quota: { keyBurst: 0 } }],
    ["the workspace's name", { name: "" }],
  ])("gets an error for a wrong %s, and nothing is created", async (words, more) => {
    await expect(createWorkspace({ ...draft(), ...more })).rejects.toThrow(words);
    expect([await edge.count("workspace"), await edge.count("api_key"), await edge.count("audit")]).toEqual([1, 1, 0]);
  });

  it("does both with commands", { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "sandi-commands-"));
    const url = `file:${join(folder, "edge.db")}`;
    const client = createClient({ url });
    await migrateDatabase(client, new Date());
    const env: Record<string, string> = {
      LIBSQL_URL: url,
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "",
    };
    const run = (script: string, ...args: string[]) =>
      new Promise<string>((resolve) => {
        const file = fileURLToPath(import.meta.resolve(`../scripts/${script}.ts`));
        execFile(process.execPath, [file, ...args], { env }, (error, stdout, stderr) =>
          resolve(`${typeof error?.code === "number" ? error.code : 0} ${stdout}${stderr}`),
        );
      });
    const made = await run("create-workspace", "Acme", "ops@example.com", "ID");
    expect(made).toMatch(
      /^0 workspace {2}ws_\w+\nAPI key {4}sandi_live_\w+\ntest key {3}sandi_test_\w+\nadmin {6}ops@example.com \S+\nThese keys .* once: [^\n]+\n$/,
    );
    const id = /ws_\w+/.exec(made)?.[0] ?? "";
    expect(await run("set-quota", id, "sendsPerDay=50000", "keyBurst=default")).toMatch(/^0 [^]*sendsPerDay +50000\n/);
    expect(await run("set-quota", id, "retentionDays.audit=730", "changesPerDay=900")).toMatch(
      /^0 [^]*changesPerDay +900\n[^]*retentionDays\.audit +730\nretentionDays\.analytics +184\n$/,
    );
    expect(await run("set-quota", id, "retentionDays.audit=9")).toMatch(/^1 the quota is not valid: retentionDays/);
    expect(await run("create-workspace", "Acme", "ops@example.com")).toMatch(/^1 usage: /);
    expect(await run("create-workspace", "Acme", "other@example.com", "XX")).toMatch(
      /^1 policy\/defaultCountry is not/,
    );
    for (const script of ["migrate", "create-workspace", "set-quota"]) {
      env["LIBSQL_AUTH_TOKEN"] = '"a-token"\n';
      expect(await run(script)).toBe("1 LIBSQL_AUTH_TOKEN has quotes around it\n");
      env["LIBSQL_AUTH_TOKEN"] = "a-token\n";
      expect(await run(script)).toBe("1 LIBSQL_AUTH_TOKEN has a line break in it\n");
    }
    env["LIBSQL_AUTH_TOKEN"] = "";
    expect(await run("set-quota", id, "sendsPerDay=many")).toMatch(/^1 usage: /);
    expect(await run("set-quota", id, "sendsPerDay=0")).toMatch(/^1 the quota is not valid: sendsPerDay must be/);
    client.close();
    rmSync(folder, { recursive: true, force: true });
  });
});
