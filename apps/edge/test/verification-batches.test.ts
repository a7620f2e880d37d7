import type { VerificationResult } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { setPolicy } from "./set-policy.ts";
import { useEdge } from "./use-edge.ts";
import { other, to } from "./verification-calls.ts";

let edge: Edge;
useEdge((started) => (edge = started));

beforeEach(async () => {
  await edge.addSession();
});

const batch = (verifications: unknown[], headers = {}) =>
  edge.api<{ results: VerificationResult[] }>("POST /v1/verifications/batch", { verifications }, { headers });
const many = (n: number) => Array.from({ length: n }, (_, i) => ({ to: `+6281234600${String(i).padStart(3, "0")}` }));

describe("a batch", () => {
  it("answers for each what a request of its own would have been answered", async () => {
    const { status, body } = await batch([
      { to },
      { to: other },
      { to: "+123" },
      { to, purpose: "login" },
      { to, purpose: "b" },
    ]);
    expect(status).toBe(200);
    expect(body.results.map((result) => [result.status, result.problem?.code])).toEqual([
      [202, undefined],
      [202, undefined],
      [400, "invalid-request"],
      [429, "resend-cooldown"],
      [202, undefined],
    ]);
    await edge.settled();
    expect([await edge.count("verification"), edge.jobs.length]).toEqual([3, 3]);
  });

  // Many numbers with one beginning, and nobody types anything in: what the guard is there for.
  beforeEach(() => setPolicy(edge, { countries: ["*"], prefixGuard: "off" }));

  it("creates each once under an Idempotency-Key, also when it is sent again with a failure in between", async () => {
    const campaign = Array.from({ length: 120 }, (_, i) => ({ to: `+6281234500${String(i).padStart(3, "0")}` }));
    const { db } = edge.services;
    let writes = 0;
    edge.services.db = {
      ...db,
      write: async (queries) => {
        writes++;
        if (writes === 2) throw new (await import("../src/db/failures.ts")).DatabaseFetchError("away");
        return db.write(queries);
      },
    };
    const headers = { "idempotency-key": "campaign" };
    const first = await batch(campaign, headers);
    const refused = first.body.results.filter((result) => result.status === 503);
    expect([refused.length, await edge.rows("SELECT count(*) AS n FROM verification")]).toEqual([50, [{ n: 70 }]]);
    await edge.settled();
    const second = await batch(campaign, headers);
    expect(second.body.results.map((result) => result.status)).toEqual(Array.from({ length: 120 }, () => 202));
    expect(await edge.count("verification")).toBe(120);
    expect(second.body.results[0]).toEqual(first.body.results[0]);
    await edge.settled();
    const third = await batch(campaign, headers);
    expect([third.headers.get("idempotent-replayed"), third.body]).toEqual(["true", second.body]);
    const elsewhere = await batch([{ to }], headers);
    expect([elsewhere.status, elsewhere.body]).toEqual([
      422,
      expect.objectContaining({ code: "idempotency-key-reused" }),
    ]);
  });

  it("does not take what was refused for what stood there a moment before", async () => {
    const inbound = { to, mode: "inbound" };
    const nobody = { route: { sessionId: "ses_01jd3k9v7hq2w8x5n4b6m0c1ta" } };
    const { body } = await batch([inbound, { ...inbound, ...nobody }]);
    expect(body.results.map((result) => result.problem?.code ?? result.status)).toEqual([202, "session-not-found"]);
  });

  it("takes 500 and not 501", async () => {
    expect((await batch(many(501))).status).toBe(400);
    const { status, body } = await batch(many(500));
    expect([status, body.results.filter((result) => result.status === 202).length]).toEqual([200, 500]);
  });
});
