import type { Verification } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { accessRuleCalls, to } from "./access-rule-calls.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const { add, block, verify, codeFor } = accessRuleCalls(() => edge);

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
