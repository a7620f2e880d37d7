import type { Verification } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { DatabaseFetchError } from "../src/db/failures.ts";
import { type Edge, wrong } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
let first: Verification;
const to = "+6281234567890";

useEdge((next) => (edge = next));
beforeEach(async () => {
  await edge.addSession();
  first = (await edge.api<Verification>("POST /v1/verifications", { to })).body;
  edge.advance(30_000);
  await edge.settled();
});

const verbs = {
  create: { calls: 1, run: () => edge.api("POST /v1/verifications", { to }) },
  resend: { calls: 2, run: () => edge.api(`POST /v1/verifications/${first.id}/resend`) },
};

/** Runs SQL that may name the first verification as `v` and the time as `:at`. */
async function arrange(statement: string) {
  const at = edge.services.now().getTime();
  await edge.client.execute(statement.replaceAll(":at", String(at)));
}

/** What refuses the code, what the answer says, and for how many seconds. */
const refusals: [code: string, retryAfter: number | undefined, statement: string][] = [
  [
    "destination-blocked",
    undefined,
    `INSERT INTO access_rule (id, workspace_id, effect, kind, value, value_to, label, created_at)
      SELECT 'rule_1', workspace_id, 'block', 'prefix', '62812345', '', '', :at FROM verification`,
  ],
  [
    "prefix-blocked",
    91,
    `INSERT INTO prefix_guard (workspace_id, prefix, blocked_until, strikes, sends, approved, updated_at)
      SELECT workspace_id, prefix, :at + 90500, 1, 20, 0, :at FROM verification`,
  ],
  [
    "destination-locked",
    70,
    `INSERT INTO destination_budget (workspace_id, to_hash, consecutive, locked_until, failures, failures_from, locks, updated_at)
      SELECT workspace_id, to_hash, 5, :at + 70000, 5, :at, 1, :at FROM verification`,
  ],
  ["sends-exhausted", 33, "UPDATE verification SET sends_left = 0, expires_at = :at + 33000"],
  ["resend-cooldown", 12, "UPDATE verification SET next_send_at = :at + 11001"],
  ["destination-limited", 600, "UPDATE destination_send SET short_from = :at, short_count = 99"],
];
const ofResends: typeof refusals = [
  ["verification-canceled", undefined, "UPDATE verification SET status = 'canceled'"],
  ["verification-expired", undefined, "UPDATE verification SET expires_at = :at"],
  ["resend-cooldown", 44, "UPDATE verification SET mode = 'inbound', expires_at = :at + 44000"],
];
const refusalsOf = { create: refusals, resend: [...refusals, ...ofResends] };

describe.each(["create", "resend"] as const)("a %s that a rule refuses", (verb) => {
  const { calls, run } = verbs[verb];

  it.each(refusalsOf[verb])(
    "is answered %s by the batch that would have stored it",
    async (code, retryAfter, statement) => {
      await arrange(statement);
      const before = edge.calls.database;
      const { body } = await run();
      expect([body.code, body.retryAfter, edge.calls.database - before]).toEqual([code, retryAfter, calls]);
      expect([await edge.count("message"), await edge.count("admission")]).toEqual([1, 0]);
    },
  );

  it("is answered with 503 if the answer with the refusal was lost", async () => {
    await arrange("UPDATE verification SET next_send_at = :at + 11001");
    const { db } = edge.services;
    let isLost = false;
    const write: typeof db.write = async (queries) => {
      const results = await db.write(queries);
      if (isLost) return results;
      isLost = true;
      throw new DatabaseFetchError("lost");
    };
    edge.services.db = { ...db, write };
    const { status, body } = await run();
    expect([status, body.code]).toEqual([503, "database-unavailable"]);
    expect([await edge.count("message"), await edge.count("admission")]).toEqual([1, 0]);
  });
});

it.each(["create", "resend"] as const)(
  "%s: a code that no rule refuses is sent, and no decision is left",
  async (verb) => {
    const { calls, run } = verbs[verb];
    const before = edge.calls.database;
    expect((await run()).status).toBe(202);
    expect(edge.calls.database - before).toBe(calls);
    expect([await edge.count("message"), await edge.count("admission")]).toEqual([2, 0]);
  },
);

it("a create that no session may send is answered with the reason, which one more call reads", async () => {
  await arrange("UPDATE session SET phone = NULL");
  const before = edge.calls.database;
  const { body } = await edge.api("POST /v1/verifications", { to });
  expect([body.code, edge.calls.database - before]).toEqual(["no-eligible-session", 2]);
  expect(body.detail).toContain("is not linked to a WhatsApp account yet");
  expect([await edge.count("message"), await edge.count("admission")]).toEqual([1, 0]);
});

it("a create is refused without a reason if a session may send a moment later", async () => {
  await arrange("UPDATE session SET phone = NULL");
  const { db } = edge.services;
  const read: typeof db.read = async (queries) => {
    await arrange("UPDATE session SET phone = account");
    return db.read(queries);
  };
  edge.services.db = { ...db, read };
  const refused = await edge.api("POST /v1/verifications", { to });
  expect([refused.body.code, refused.body.detail]).toEqual(["no-eligible-session", undefined]);
  expect(await edge.count("message")).toBe(1);
  expect((await edge.api("POST /v1/verifications", { to })).status).toBe(202);
});

it("in a batch, only the create without a sender fails if its reason cannot be read", async () => {
  const { db } = edge.services;
  edge.services.db = { ...db, read: () => Promise.reject(new DatabaseFetchError("lost")) };
  const verifications = [{ to }, { to, purpose: "b", route: { sessionId: "ses_01jd3k9v7hq2w8x5n4b6m0c1ta" } }];
  const { body } = await edge.api<{ results: { status: number }[] }>("POST /v1/verifications/batch", { verifications });
  expect(body.results.map(({ status }) => status)).toEqual([202, 503]);
});

it("a right code stores a count for its number only to reset wrong codes", async () => {
  const check = async ({ id }: Verification, isWrong = false) => {
    const code = await edge.codeOf(id);
    return (await edge.api(`POST /v1/verifications/${id}/check`, { code: isWrong ? wrong(code) : code })).status;
  };
  const budget = () => edge.rows("SELECT consecutive, failures, updated_at FROM destination_budget");
  expect([await check(first), await budget()]).toEqual([200, []]);

  const second = (await edge.api<Verification>("POST /v1/verifications", { to })).body;
  expect(await check(second, true)).toBe(422);
  const [counted] = await budget();
  expect(counted).toMatchObject({ consecutive: 1, failures: 1 });
  edge.advance(1);
  expect(await check(second)).toBe(200);
  const [reset] = await budget();
  expect(reset).toMatchObject({ consecutive: 0, failures: 1 });

  edge.advance(60_000);
  const third = (await edge.api<Verification>("POST /v1/verifications", { to })).body;
  expect([await check(third), await budget()]).toEqual([200, [reset]]);
});
