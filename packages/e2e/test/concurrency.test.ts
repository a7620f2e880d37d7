import { claimPath, type ClaimResponse, type Verification, type VerificationResult } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestEdge, type TestEdge } from "../src/edge.ts";

interface Row {
  id: string;
  status: string;
  attemptsLeft: number;
}

describe("requests at the same time, through workerd and libSQL over HTTP", () => {
  let edge: TestEdge;
  const code = "739154";
  const wrongCode = "000000";

  beforeAll(async () => {
    edge = await startTestEdge();
  });
  afterAll(() => edge.stop());

  async function create(inputs: { to: string; purpose: string }[]): Promise<Verification[]> {
    const verifications = inputs.map((input) => ({ ...input, code }));
    const { body } = await edge.api<{ results: VerificationResult[] }>("POST /v1/verifications/batch", {
      verifications,
    });
    return body.results.map(({ verification }) => verification as Verification);
  }

  const check = (id: string, guess: string) => edge.api(`POST /v1/verifications/${id}/check`, { code: guess });

  const rowsOf = (made: Verification[]) =>
    edge.sql<Row>(
      `SELECT id, status, attempts_left AS attemptsLeft FROM verification
        WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`,
      [JSON.stringify(made.map(({ id }) => id))],
    );

  it("8 clients at the same 100 verifications: each is approved once at most and answers no more checks than it has", async () => {
    const made = await create(Array.from({ length: 100 }, (_, i) => ({ to: numberOf(i), purpose: "shared" })));
    const answers = new Map(made.map(({ id }) => [id, [] as (string | number | undefined)[]]));
    // Every other verification sees nothing but wrong codes.
    const client = async (index: number) => {
      for (const [i, { id }] of made.entries()) {
        const mixed = index === i % 8 ? [code, wrongCode] : [wrongCode, code];
        const guesses = i % 2 === 0 ? [wrongCode, wrongCode] : mixed;
        for (const guess of guesses) {
          const { status, body } = await check(id, guess);
          answers.get(id)?.push(status === 200 ? 200 : body.code);
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => client(i)));

    const tally = (await rowsOf(made)).map(({ id, status, attemptsLeft }) => {
      const own = answers.get(id) ?? [];
      const approvals = own.filter((answer) => answer === 200).length;
      const wrong = own.filter((answer) => answer === "code-incorrect").length;
      // The last wrong one is answered like those after it.
      const last = status === "max_attempts_reached" ? 1 : 0;
      return { status, approvals, evaluated: approvals + wrong + last, counted: 5 - attemptsLeft, asked: own.length };
    });
    const doubleApprovals = tally.filter(({ status, approvals }) => approvals !== (status === "approved" ? 1 : 0));
    const excessEvaluations = tally.filter(({ evaluated, counted }) => evaluated !== counted || evaluated > 5);
    expect({ doubleApprovals, excessEvaluations }).toEqual({ doubleApprovals: [], excessEvaluations: [] });
    expect(tally.map(({ asked }) => asked)).toEqual(Array.from({ length: 100 }, () => 16));
    const ended = (status: string) => tally.filter((each) => each.status === status).length;
    expect(ended("max_attempts_reached")).toBeGreaterThanOrEqual(50);
    expect(ended("approved") + ended("max_attempts_reached")).toBe(100);
  });

  it("20 creates of one number and purpose make one verification and one message", async () => {
    const input = { to: numberOf(200), purpose: "login" };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => edge.api<Verification>("POST /v1/verifications", input)),
    );
    const accepted = answers.filter(({ status }) => status === 202);
    const refused = answers.filter(({ status, body }) => status === 429 && body.code === "resend-cooldown");
    expect([accepted.length, refused.length]).toEqual([1, 19]);
    const rows = await edge.sql(
      `SELECT v.id, m.id AS message FROM verification v JOIN message m ON m.verification_id = v.id
        WHERE v.to_hash = (SELECT to_hash FROM verification WHERE id = ?)`,
      [accepted[0]?.body.id ?? ""],
    );
    expect(rows).toEqual([{ id: accepted[0]?.body.id, message: accepted[0]?.body.delivery?.messageId }]);
  });

  it("20 connectors that claim one message: one is granted it", async () => {
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to: numberOf(201) });
    const messageId = body.delivery?.messageId;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        edge.asConnector<ClaimResponse>(claimPath, {
          connectorId: `run-${i}`,
          claims: [{ messageId, sessionId: edge.sessionId, fence: 1 }],
        }),
      ),
    );
    const outcomes = answers.map(({ body: { results } }) => results[0]?.outcome);
    const count = (outcome: string) => outcomes.filter((each) => each === outcome).length;
    expect([count("claimed"), count("busy")]).toEqual([1, 19]);
    expect(await edge.sql("SELECT status, attempt FROM message WHERE id = ?", [messageId ?? ""])).toEqual([
      { status: "sending", attempt: 1 },
    ]);
  });

  it("45 wrong checks over 9 verifications of one number, with room for 20 in an hour: 20 are evaluated", async () => {
    const to = numberOf(202);
    const made = await create(Array.from({ length: 9 }, (_, i) => ({ to, purpose: `purpose-${i}` })));
    const answers = await Promise.all(made.flatMap(({ id }) => Array.from({ length: 5 }, () => check(id, wrongCode))));
    const rows = await rowsOf(made);
    expect(rows.reduce((sum, { attemptsLeft }) => sum + 5 - attemptsLeft, 0)).toBe(20);
    const count = (...codes: string[]) => answers.filter(({ body }) => codes.includes(body.code ?? "")).length;
    expect([count("code-incorrect", "max-attempts-reached"), count("destination-locked")]).toEqual([20, 25]);
    const pending = rows.find(({ status }) => status === "pending");
    const right = await check(pending?.id ?? "", code);
    expect([right.status, right.body.code]).toEqual([429, "destination-locked"]);
  });
});

const numberOf = (index: number) => `+62813${String(10_000_000 + index)}`;
