import type { AccessRuleList, CreatedAccessRule, Destination, GuardedPrefixList, Verification } from "@sandi/contracts";
import { scopes } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { createRule } from "../src/access-rules/create-rule.ts";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { type Edge, wrong } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const to = "+6281234567890";

const add = (effect: string, kind: string, value: string, more = {}, options = {}) =>
  edge.api<CreatedAccessRule>("POST /v1/access-rules", { effect, kind, value, ...more }, options);
const block = (kind: string, value: string, more = {}) => add("block", kind, value, more);
const verify = (more = {}) => edge.api<Verification>("POST /v1/verifications", { to, ...more });
const codeFor = async (more = {}) => (await verify(more)).body.code;
const rules = () => edge.rows("SELECT effect, kind, value, value_to, label, note FROM access_rule ORDER BY rowid");
const audit = () => edge.rows("SELECT actor, action, target, detail FROM audit ORDER BY rowid");
const isoIn = (ms: number) => new Date(edge.services.now().getTime() + ms).toISOString();

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
    const log = await audit();
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
    expect([await rules(), await audit()]).toEqual([[], []]);
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

describe("a block rule", () => {
  beforeEach(async () => {
    await edge.addSession();
  });

  it.each([
    ["number", to],
    ["prefix", "62"],
    ["prefix", "6281234567"],
    ["country", "ID"],
  ])("for the %s %s lets no code go there, until it is deleted", async (kind, value) => {
    const { body } = await block(kind, value);
    const refused = await verify();
    expect([refused.status, refused.body.code]).toEqual([403, "destination-blocked"]);
    expect((await verify({ to: "+6591234567" })).status).toBe(202);
    await edge.api(`DELETE /v1/access-rules/${body.id}`);
    expect((await verify()).status).toBe(202);
  });

  it("for an address refuses its users", async () => {
    await block("ip", "203.0.113.0/24");
    expect(await codeFor({ endUserIp: "203.0.113.9" })).toBe("destination-blocked");
    expect((await verify({ endUserIp: "203.0.114.9" })).status).toBe(202);
  });

  it("yields to an allow rule, which the policy's countries do as well", async () => {
    await block("country", "ID");
    await add("allow", "number", to);
    expect((await verify()).status).toBe(202);
    expect(await codeFor({ to: "+6281234567891" })).toBe("destination-blocked");
    await edge.api("PATCH /v1/workspace", { policy: { countries: ["ID"] } });
    expect(await codeFor({ to: "+6591234567" })).toBe("country-not-allowed");
    await add("allow", "prefix", "65912");
    expect((await verify({ to: "+6591234567" })).status).toBe(202);
  });

  it.each([
    ["number", to, 1],
    ["prefix", "628123", 2],
    ["prefix", "6281234", 2],
    ["country", "ID", 2],
    ["prefix", "62812345", 0],
    ["prefix", "659", 1],
    ["ip", "203.0.113.9", 0],
  ])("for the %s %s ends what is pending there and cancels what waits", async (kind, value, ended) => {
    const verified = [];
    for (const number of [to, "+6281234999999", "+6591234567"])
      verified.push((await verify({ to: number, endUserIp: "203.0.113.9" })).body.id);
    const stranger = await edge.addWorkspace();
    await edge.addSession("online", stranger.id);
    const theirs = await edge.api("POST /v1/verifications", { to }, { key: stranger.key });
    expect(theirs.status).toBe(202);
    await edge.settled();
    edge.advance(1);
    expect((await block(kind, value)).body.endedVerifications).toBe(ended);
    const rows = await edge.rows(
      `SELECT v.status, v.code_mac, v.sealed_code, v.token_mac, m.status AS message FROM verification v
        JOIN message m ON m.verification_id = v.id WHERE v.status <> 'pending'`,
    );
    const gone = { status: "blocked", code_mac: null, sealed_code: null, token_mac: null, message: "canceled" };
    expect(rows).toEqual(Array.from({ length: ended }, () => gone));
    const queued = await edge.rows("SELECT id FROM message WHERE status = 'queued'");
    expect(queued.length).toBe(4 - ended);
    const found = await edge.api<Verification>(`GET /v1/verifications/${verified[0] ?? ""}`);
    expect(["blocked", "pending"]).toContain(found.body.status);
  });

  it("leaves what is allowed, was approved or is of the sandbox", async () => {
    const { body: pending } = await verify();
    await verify({ to: "+6281234567891" });
    await add("allow", "number", to);
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    await edge.api("POST /v1/verifications", { to: "+99900000002" }, { key: test });
    expect((await block("country", "ID")).body.endedVerifications).toBe(1);
    const code = await edge.codeOf(pending.id);
    const answer = await edge.api(`POST /v1/verifications/${pending.id}/check`, { code });
    expect(answer.status).toBe(200);
  });

  it("does not end what a longer allowed prefix may have allowed", async () => {
    const { body } = await verify();
    await add("allow", "prefix", to.slice(1, 11));
    expect((await block("country", "ID")).body.endedVerifications).toBe(0);
    expect((await edge.api<Verification>(`GET /v1/verifications/${body.id}`)).body.status).toBe("pending");
  });

  it("ends the check of a code that is out", async () => {
    const { body } = await verify();
    const code = await edge.codeOf(body.id);
    await block("number", to);
    const answer = await edge.api(`POST /v1/verifications/${body.id}/check`, { code });
    expect([answer.status, answer.body.code]).toEqual([410, "verification-blocked"]);
  });

  it("that is not stored ends nothing", async () => {
    await block("country", "ID");
    await add("allow", "number", to);
    const { body } = await verify();
    expect((await block("country", "ID")).status).toBe(409);
    expect((await edge.api<Verification>(`GET /v1/verifications/${body.id}`)).body.status).toBe("pending");
  });
});

const status = (options = {}) => edge.api<Destination>("POST /v1/destinations/status", { to }, options);
const unlock = (options = {}) => edge.api<Destination>("POST /v1/destinations/unlock", { to }, options);

async function lock() {
  const { body } = await verify();
  const code = wrong(await edge.codeOf(body.id));
  for (let i = 0; i < 3; i++) await edge.api(`POST /v1/verifications/${body.id}/check`, { code });
  return body.id;
}

describe("a destination", () => {
  const nothing = {
    to: "+62812•••7890",
    failedChecks: { lastHour: 0, inARow: 0 },
    locks: 0,
    lockedUntil: null,
    sends: { last10Minutes: 0, lastHour: 0, lastDay: 0 },
  };

  beforeEach(async () => {
    await edge.addSession();
    await edge.api("PATCH /v1/workspace", { policy: { failedChecksPerHour: 3 } });
    await edge.client.execute("DELETE FROM audit");
  });

  it("of which nothing is known has a state, too", async () => {
    expect(await status()).toMatchObject({ status: 200, body: nothing });
    expect(await unlock()).toMatchObject({ status: 200, body: nothing });
    expect(await audit()).toEqual([]);
  });

  it("shows wrong codes, its lock and its sends, and they end with time", async () => {
    await lock();
    const { body } = await status();
    expect(body).toEqual({
      ...nothing,
      failedChecks: { lastHour: 3, inARow: 3 },
      locks: 1,
      lockedUntil: isoIn(3_600_000),
      sends: { last10Minutes: 1, lastHour: 1, lastDay: 1 },
    });
    edge.advance(600_000);
    expect((await status()).body.sends).toEqual({ last10Minutes: 0, lastHour: 1, lastDay: 1 });
    edge.advance(3_000_000);
    expect((await status()).body).toMatchObject({ failedChecks: { lastHour: 0, inARow: 3 }, lockedUntil: null });
    edge.advance(86_400_000);
    expect((await status()).body.sends).toEqual(nothing.sends);
  });

  it("is locked twice as long by the second wrong code where each wrong code locks it", async () => {
    await edge.api("PATCH /v1/workspace", { policy: { failedChecksPerHour: 1 } });
    for (const hours of [1, 2]) {
      await lock();
      expect((await status()).body).toMatchObject({ locks: hours, lockedUntil: isoIn(hours * 3_600_000) });
      edge.advance(hours * 3_600_000);
    }
  });

  it("is unlocked: its codes can be checked again, and the log has no whole number", async () => {
    const id = await lock();
    const code = await edge.codeOf(id);
    const refused = await edge.api(`POST /v1/verifications/${id}/check`, { code });
    expect([refused.status, refused.body.code]).toEqual([429, "destination-locked"]);
    const { body } = await unlock();
    expect(body).toEqual({ ...nothing, sends: { last10Minutes: 1, lastHour: 1, lastDay: 1 } });
    expect(body).toEqual((await status()).body);
    expect((await edge.api(`POST /v1/verifications/${id}/check`, { code })).status).toBe(200);
    const [entry] = await audit();
    expect(entry).toMatchObject({ action: "destination.unlocked", target: "+62812•••7890" });
    expect(JSON.parse(String(entry?.["detail"]))).toEqual({
      failedChecks: { lastHour: 3, inARow: 3 },
      locks: 1,
      lockedUntil: isoIn(3_600_000),
    });
  });

  it("is unlocked once for one Idempotency-Key", async () => {
    await lock();
    const headers = { "idempotency-key": "u" };
    const first = await unlock({ headers });
    await edge.settled();
    const again = await unlock({ headers });
    expect([again.status, again.body, again.headers.get("idempotent-replayed")]).toEqual([200, first.body, "true"]);
    expect((await audit()).length).toBe(1);
  });

  it.each([
    [true, 200],
    [false, 503],
  ])("answers an unlock as stored when only the answer was lost (%s)", async (isStored, code) => {
    await lock();
    const { db } = edge.services;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        edge.services.db = db;
        if (isStored) await db.write(queries);
        throw new DatabaseFetchError("lost");
      },
    };
    expect((await unlock()).status).toBe(code);
    expect((await status()).body.lockedUntil === null).toBe(isStored);
  });

  it("is its workspace's own, and refuses what is no number", async () => {
    await lock();
    const stranger = await edge.addWorkspace();
    expect((await unlock({ key: stranger.key })).body).toEqual(nothing);
    expect((await status()).body.lockedUntil).not.toBeNull();
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect((await status({ key: test })).body.failedChecks.inARow).toBe(0);
    for (const request of ["POST /v1/destinations/status", "POST /v1/destinations/unlock"]) {
      expect((await edge.api(request, { to: "0812" })).body.errors?.[0]?.pointer).toBe("/to");
      const weak = await edge.addKey(edge.workspace.id, ["otp:send"]);
      expect((await edge.api(request, { to }, { key: weak })).status).toBe(403);
    }
  });
});

async function guard(prefix: string, blockedUntil: number, strikes = 1, workspaceId = edge.workspace.id) {
  await edge.client.execute({
    sql: "INSERT INTO prefix_guard VALUES (?, ?, ?, ?, 40, 1, 0)",
    args: [workspaceId, prefix, blockedUntil, strikes],
  });
}
const guarded = async (query = "") => (await edge.api<GuardedPrefixList>(`GET /v1/prefix-guard${query}`)).body;

describe("the prefix guard", () => {
  it("lists what it has blocked, in pages", async () => {
    const now = edge.services.now().getTime();
    await guard("6281234", now + 1000, 2);
    await guard("6281233", now);
    const first = await guarded("?limit=1");
    expect(first).toEqual({
      prefixes: [{ prefix: "6281233", blockedUntil: null, strikes: 1, sends: 40, approved: 1 }],
      nextCursor: "6281233",
    });
    expect(await guarded(`?cursor=${first.nextCursor}`)).toEqual({
      prefixes: [{ prefix: "6281234", blockedUntil: isoIn(1000), strikes: 2, sends: 40, approved: 1 }],
      nextCursor: null,
    });
    expect((await edge.api("GET /v1/prefix-guard?cursor=x")).status).toBe(400);
  });

  it("allows codes again when its block is lifted", async () => {
    await edge.addSession();
    await guard("6281234", edge.services.now().getTime() + 3_600_000, 3);
    expect(await codeFor()).toBe("prefix-blocked");
    expect((await edge.api("DELETE /v1/prefix-guard/6281234")).status).toBe(204);
    expect((await verify()).status).toBe(202);
    expect((await guarded()).prefixes[0]).toMatchObject({ blockedUntil: null, strikes: 0 });
    expect((await edge.api("DELETE /v1/prefix-guard/6281234")).status).toBe(204);
    expect((await audit()).map(({ action, target }) => [action, target])).toEqual([["prefix_guard.lifted", "6281234"]]);
  });

  it("is its workspace's own", async () => {
    const stranger = await edge.addWorkspace();
    const until = edge.services.now().getTime() + 1000;
    await guard("6281234", until, 1, stranger.id);
    expect((await guarded()).prefixes).toEqual([]);
    for (const prefix of ["6281234", "x", "62812345"]) {
      const answer = await edge.api(`DELETE /v1/prefix-guard/${prefix}`);
      expect([answer.status, answer.body.code]).toEqual([404, "not-found"]);
    }
    expect(await edge.rows("SELECT blocked_until FROM prefix_guard")).toEqual([{ blocked_until: until }]);
    const test = await edge.addKey(edge.workspace.id, undefined, { environment: "test" });
    expect((await edge.api("DELETE /v1/prefix-guard/6281234", undefined, { key: test })).status).toBe(403);
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
