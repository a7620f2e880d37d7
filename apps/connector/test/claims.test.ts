import { type ClaimRequest, ClaimResponse } from "@sandi/contracts";
import { expect, test } from "vitest";
import { createClaims } from "../src/jobs/claims.ts";

const expiresAt = "2026-11-21T08:00:00.000Z";
const claim = (i: number) => ({ messageId: idOf(i), sessionId: `ses_${"0".repeat(26)}`, fence: 1 });
const idOf = (i: number) => `msg_${String(i).padStart(26, "0")}`;

/** An edge that answers when the test lets it. */
function edge() {
  const asked: { ids: string[]; answer: (status?: number) => void }[] = [];
  const ask = createClaims(async (_path, body) => {
    const { claims } = body as ClaimRequest;
    const { promise, resolve } = Promise.withResolvers<number>();
    asked.push({ ids: claims.map(({ messageId }) => messageId), answer: (status = 200) => resolve(status) });
    const status = await promise;
    const results = claims.map(({ messageId }) => ({
      outcome: "claimed",
      messageId,
      sealed: "s",
      template: null,
      expiresAt,
      attempt: 1,
    }));
    return { status, body: ClaimResponse.parse({ results: results.toReversed() }) };
  }, "a.1");
  return { asked, ask };
}
const settled = () => new Promise((resolve) => setTimeout(resolve));

test("claims that arrive during a request share the next one, a hundred at most", async () => {
  const { asked, ask } = edge();
  const first = ask(claim(0));
  await settled();
  const others = Array.from({ length: 130 }, (_, i) => ask(claim(i + 1)));
  await settled();
  expect(asked.map(({ ids }) => ids)).toEqual([[idOf(0)]]);
  asked[0]!.answer();
  expect((await first).messageId).toBe(idOf(0));
  await settled();
  expect(asked).toHaveLength(2);
  asked[1]!.answer();
  await settled();
  expect(asked.map(({ ids }) => ids.length)).toEqual([1, 100, 30]);
  asked[2]!.answer();
  // Each gets its own.
  expect((await Promise.all(others)).map(({ messageId }) => messageId)).toEqual(others.map((_, i) => idOf(i + 1)));
});

test("those of one turn share a request from the start", async () => {
  const { asked, ask } = edge();
  const both = Promise.all([ask(claim(1)), ask(claim(2))]);
  await settled();
  expect(asked.map(({ ids }) => ids)).toEqual([[idOf(1), idOf(2)]]);
  asked[0]!.answer();
  await both;
});

test("a request that fails fails those that were in it, and no others", async () => {
  const { asked, ask } = edge();
  const first = ask(claim(1));
  await settled();
  const second = ask(claim(2));
  asked[0]!.answer(503);
  await expect(first).rejects.toThrow("the edge answered a claim with 503");
  await settled();
  asked[1]!.answer();
  expect((await second).messageId).toBe(idOf(2));
});
