import type { CreatedApiKey, Verification } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestEdge, type TestEdge } from "../src/edge.ts";

const guesses = 10_000;
const attackers = 16;
const budgetPerHour = 20;

describe("a client that guesses the codes of one number", () => {
  let edge: TestEdge;
  let keys: string[] = [];
  const to = "+6281355500042";
  const code = "739154";

  beforeAll(async () => {
    // Neither the limits on requests nor those on sends are in the way: the budget of wrong codes alone must hold.
    edge = await startTestEdge();
    const made = await Promise.all(
      Array.from({ length: attackers }, (_, i) =>
        edge.api<CreatedApiKey>("POST /v1/keys", { name: `Key ${i}`, scopes: ["otp:send", "otp:check", "otp:custom"] }),
      ),
    );
    keys = made.map(({ body }) => body.key ?? "");
  });
  afterAll(() => edge.stop());

  it(`gets ${budgetPerHour} of ${guesses} guesses evaluated, from however many keys, addresses and verifications`, async () => {
    const open: string[] = [];
    const refusals = new Map<string, number>();
    let succeeded = 0;
    let tried = 0;
    let created = 0;

    const create = async (key: string) => {
      const input = { to, code, purpose: `try-${created++}`, endUserIp: addressOf(created) };
      const answer = await edge.api<Verification>("POST /v1/verifications", input, bearer(key));
      if (answer.status === 202) open.push(answer.body.id);
      else note(answer.status, answer.body.code);
    };
    const note = (status: number, problem = "") => {
      if (status < 400 || status > 499) succeeded++;
      refusals.set(problem, (refusals.get(problem) ?? 0) + 1);
    };
    const attack = async (key: string) => {
      await create(key);
      while (tried < guesses) {
        const guess = tried++;
        if (guess % 50 === 0) await create(key);
        const body = {
          code: String(guess).padStart(6, "0"),
          ...(guess % 4 === 0 && { endUserIp: addressOf(guess) }),
        };
        const byNumber = guess % 10 === 0;
        const answer = await (byNumber
          ? edge.api("POST /v1/verifications/check", { ...body, to, purpose: `try-${guess % attackers}` }, bearer(key))
          : edge.api(`POST /v1/verifications/${open[guess % open.length]}/check`, body, bearer(key)));
        note(answer.status, answer.body.code);
      }
    };
    await Promise.all(keys.map(attack));

    expect(succeeded).toBe(0);
    expect(await evaluated()).toBe(budgetPerHour);
    expect(tried).toBe(guesses);
    expect(refusals.get("destination-locked")).toBeGreaterThan(guesses * 0.9);
  });

  it("is refused with the right code while the number is locked, and uses no attempt", async () => {
    const pending = await edge.sql<{ id: string }>("SELECT id FROM verification WHERE status = 'pending'");
    expect(pending.length).toBeGreaterThan(0);
    const answers = await Promise.all(
      pending.map(({ id }, i) =>
        edge.api(`POST /v1/verifications/${id}/check`, { code }, bearer(keys[i % attackers] ?? "")),
      ),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.code}`))).toEqual(
      new Set(["429 destination-locked"]),
    );
    expect(await evaluated()).toBe(budgetPerHour);
    expect(await edge.sql("SELECT id FROM verification WHERE status = 'approved'")).toEqual([]);
  });

  /** Checks that were compared with a code. */
  async function evaluated(): Promise<number> {
    const [row] = await edge.sql<{ used: number }>("SELECT sum(5 - attempts_left) AS used FROM verification");
    return row?.used ?? 0;
  }
});

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** Another network each time. */
const addressOf = (index: number) => `198.${51 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
