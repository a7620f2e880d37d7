import { type AccessRuleList, scopes } from "@sandi/contracts";
import { describe, expect, it } from "vitest";
import { createRule } from "../src/access-rules/create-rule.ts";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { accessRuleCalls, to } from "./access-rule-calls.ts";
import { auditRows } from "./audit-rows.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { add, block, verify, isoIn } = accessRuleCalls(() => edge);
const rules = () => edge.rows("SELECT effect, kind, value, value_to, label, note FROM access_rule ORDER BY rowid");
const listed = async (query: string) => (await edge.api<AccessRuleList>(`GET /v1/access-rules?${query}`)).body;

describe("a rule", () => {
  it.each([
    ["number", to, { value: expect.stringMatching(/^[\w-]{43}$/) as string, value_to: "", label: "+62812•••7890" }],
    ["prefix", "+62812", { value: "62812", value_to: "", label: "62812" }],
    ["prefix", "6281234567890", { value: "6281234567890", value_to: "", label: "6281234567890" }],
    ["country", "ID", { value: "ID", value_to: "", label: "ID" }],
    [
      "ip",
      "203.0.113.0/24",
      {
        value: "00000000000000000000ffffcb007100",
        value_to: "00000000000000000000ffffcb0071ff",
        label: "203.0.113.0/24",
      },
    ],
    ["ip", "::1", { value: `${"0".repeat(31)}1`, value_to: `${"0".repeat(31)}1`, label: "::1" }],
  ])("for the %s %s is stored, shown, audited and deleted", async (kind, value, columns) => {
    const { status, body } = await block(kind, value, { note: "abuse", expiresAt: isoIn(1000) });
    expect([status, body]).toEqual([
      201,
      {
        id: body.id,
        effect: "block",
        kind,
        value: columns.label,
        note: "abuse",
        expiresAt: isoIn(1000),
        createdAt: isoIn(0),
        endedVerifications: 0,
        canceledMessages: 0,
      },
    ]);
    expect(await rules()).toEqual([{ effect: "block", kind, note: "abuse", ...columns }]);
    const { endedVerifications: _, canceledMessages: __, ...shown } = body;
    expect((await edge.api("GET /v1/access-rules")).body).toEqual({ rules: [shown], nextCursor: null });
    expect((await edge.api(`DELETE /v1/access-rules/${body.id}`)).status).toBe(204);
    const again = await edge.api(`DELETE /v1/access-rules/${body.id}`);
    expect([again.status, again.body.code]).toEqual([404, "access-rule-not-found"]);
    expect(await rules()).toEqual([]);
    const log = await auditRows(edge);
    expect(log.map(({ action, target }) => [action, target])).toEqual([
      ["access_rule.created", body.id],
      ["access_rule.deleted", body.id],
    ]);
    expect(JSON.stringify(log)).not.toContain("81234567890");
  });

  it("takes a national number in the workspace's country", async () => {
    await edge.addSession();
    await edge.api("PATCH /v1/workspace", { policy: { defaultCountry: "ID" } });
    expect((await block("number", "081234567890")).body.value).toBe("+62812•••7890");
    expect((await verify()).body.code).toBe("destination-blocked");
  });

  it.each([
    ["/value", { kind: "number", value: "0812" }],
    ["/value", { kind: "number", value: "+99900000001" }],
    ["/value", { kind: "prefix", value: "0812" }],
    ["/value", { kind: "prefix", value: "62%" }],
    ["/value", { kind: "prefix", value: "6281234567890123" }],
    ["/value", { kind: "country", value: "XX" }],
    ["/value", { kind: "country", value: "toString" }],
    ["/value", { kind: "ip", value: "10.0.0.1/8" }],
    ["/value", { kind: "ip", value: "example.com" }],
    ["/value", { kind: "ip", value: "" }],
    ["/kind", { kind: "email", value: "x" }],
    ["/effect", { effect: "deny" }],
    ["/note", { note: "a\nb" }],
    ["/expiresAt", { expiresAt: "2026-11-21T08:00:00.000Z" }],
    ["/id", { id: "rul_x" }],
  ])("with a wrong %s is refused: %j", async (pointer, more) => {
    const answer = await edge.api("POST /v1/access-rules", { effect: "block", kind: "country", value: "ID", ...more });
    expect([answer.status, answer.body.errors?.map((each) => each.pointer)]).toEqual([400, [pointer]]);
    expect([await rules(), await auditRows(edge)]).toEqual([[], []]);
  });

  it("is there once, until its time is over", async () => {
    const { body } = await block("country", "ID", { expiresAt: isoIn(1000) });
    const same = await add("allow", "country", "ID");
    expect([same.status, same.body.code, same.body.detail]).toEqual([
      409,
      "access-rule-exists",
      `The rule is ${body.id}. Delete it first.`,
    ]);
    const both = await Promise.all([block("prefix", "1"), block("prefix", "1")]);
    expect(both.filter(({ status }) => status === 201).length).toBe(1);
    edge.advance(1000);
    const { body: list } = await edge.api<AccessRuleList>("GET /v1/access-rules");
    expect(list.rules.map(({ kind }) => kind)).toEqual(["prefix"]);
    expect((await add("allow", "country", "ID")).status).toBe(201);
    expect((await rules()).map(({ effect }) => effect)).toEqual(["block", "allow"]);
  });

  it("is made once for one Idempotency-Key", async () => {
    const headers = { "idempotency-key": "r" };
    const first = await add("block", "country", "ID", {}, { headers });
    await edge.settled();
    const again = await add("block", "country", "ID", {}, { headers });
    expect([again.status, again.body, again.headers.get("idempotent-replayed")]).toEqual([201, first.body, "true"]);
    await edge.client.execute("UPDATE idempotency SET response = NULL");
    expect((await add("block", "country", "ID", {}, { headers })).body).toEqual({
      ...first.body,
      endedVerifications: null,
      canceledMessages: null,
    });
    expect((await add("allow", "country", "ID", {}, { headers })).body.code).toBe("idempotency-key-reused");
  });

  it("is one of a thousand", async () => {
    const ctx = await edge.contextOf();
    const make = (value: string) =>
      createRule(ctx, { input: { effect: "block", kind: "prefix", value }, idempotencyKey: undefined }, 2);
    await make("1");
    await make("2");
    await expect(make("3")).rejects.toMatchObject({ code: "access-rule-limit-reached" });
  });

  it("is listed by pages and by what it is", async () => {
    for (const [effect, kind, value] of [
      ["block", "country", "ID"],
      ["allow", "country", "SG"],
      ["block", "prefix", "1"],
    ] as const) {
      edge.advance(1);
      await add(effect, kind, value);
    }
    expect((await listed("effect=block")).rules.map(({ value }) => value)).toEqual(["1", "ID"]);
    expect((await listed("kind=country")).rules.map(({ value }) => value)).toEqual(["SG", "ID"]);
    const first = await listed("limit=2");
    expect(first.rules.map(({ value }) => value)).toEqual(["1", "SG"]);
    const second = await listed(`limit=2&cursor=${first.nextCursor}`);
    expect([second.rules.map(({ value }) => value), second.nextCursor]).toEqual([["ID"], null]);
    for (const query of ["limit=0", "kind=x", "effect=x", "cursor=x"]) {
      expect((await edge.api(`GET /v1/access-rules?${query}`)).status).toBe(400);
    }
  });

  it("is its workspace's own, wants key:manage, and no test key", async () => {
    const stranger = await edge.addWorkspace();
    const { body } = await add("block", "number", to, {}, { key: stranger.key });
    expect((await edge.api(`DELETE /v1/access-rules/${body.id}`)).body.code).toBe("access-rule-not-found");
    expect((await edge.api("DELETE /v1/access-rules/rul_1")).body.code).toBe("access-rule-not-found");
    expect((await edge.api<AccessRuleList>("GET /v1/access-rules")).body.rules).toEqual([]);
    await edge.addSession();
    expect((await verify()).status).toBe(202);
    const weak = await edge.addKey(
      edge.workspace.id,
      scopes.filter((scope) => scope !== "key:manage"),
    );
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect((await add("block", "country", "ID", {}, { key: weak })).status).toBe(403);
    expect((await add("block", "country", "ID", {}, { key: test })).body.code).toBe("test-keys-not-supported");
  });

  it.each([
    ["stored", 1, 201, 1],
    ["lost", 1, 503, 0],
    ["stored", 2, 503, 0],
    ["lost", 2, 503, 0],
  ])("is there when it was answered, and only then (%s, %i)", async (fault, failures, status, count) => {
    const { db } = edge.services;
    let failed = 0;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        if (failed++ >= failures) return db.write(queries);
        if (fault === "stored" && failed === 1) await db.write(queries);
        throw new DatabaseFetchError("lost");
      },
    };
    expect((await block("country", "ID")).status).toBe(status);
    await edge.settled();
    expect(await edge.count("access_rule")).toBe(count);
  });
});

it("a rule is read by its id until it expires, and by its own workspace only", async () => {
  const { body: rule } = await block("number", to, { note: "spam", expiresAt: isoIn(60_000) });
  const { endedVerifications: _, canceledMessages: __, ...shown } = rule;
  const read = (key = edge.workspace.key) => edge.api(`GET /v1/access-rules/${rule.id}`, undefined, { key });
  expect(await read()).toMatchObject({ status: 200, body: shown });
  const stranger = await edge.addWorkspace();
  expect((await read(stranger.key)).body["code"]).toBe("access-rule-not-found");
  edge.advance(60_000);
  expect(await read()).toMatchObject({ status: 404, body: { code: "access-rule-not-found" } });
});
