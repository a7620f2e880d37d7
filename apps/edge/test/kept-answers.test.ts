import { s256 } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../src/cron.ts";
import { type Edge, wrong } from "./harness.ts";
import { useEdge } from "./use-edge.ts";
import { other, to, verificationCalls } from "./verification-calls.ts";

let edge: Edge;
useEdge((started) => (edge = started));

beforeEach(async () => {
  await edge.addSession();
});

const { create, act } = verificationCalls(() => edge);

describe("a kept answer", () => {
  it("is sealed, for it may hold a proof or whole numbers", async () => {
    const { body } = await create();
    const headers = { "idempotency-key": "check" };
    const checked = await act(body.id, "check", { code: await edge.codeOf(body.id) }, { headers });
    await edge.settled();
    const again = await act(body.id, "check", { code: "000000" }, { headers });
    expect([checked.status, again.body.code]).toEqual([200, "idempotency-key-reused"]);
    const kept = JSON.stringify(await edge.rows("SELECT * FROM idempotency"));
    expect(kept).not.toContain(checked.body.proof);
    expect(kept).not.toContain("approved");
  });

  it.each(["by id", "by number"])(
    "of a check %s is given again for two minutes, and then says that the code is used up",
    async (way) => {
      const { body } = await create();
      const code = await edge.codeOf(body.id);
      const repeat = () => {
        const headers = { "idempotency-key": "once" };
        return way === "by id"
          ? act(body.id, "check", { code }, { headers })
          : edge.api<{ proof?: string }>("POST /v1/verifications/check", { to, code }, { headers });
      };
      const first = await repeat();
      await edge.settled();
      expect(first.body.proof).toMatch(/^ey/);
      edge.advance(119_999);
      const again = await repeat();
      expect([again.status, again.body.proof, again.headers.get("idempotent-replayed")]).toEqual([
        200,
        first.body.proof,
        "true",
      ]);
      edge.advance(1);
      for (let i = 0; i < 3; i++) {
        const late = await repeat();
        expect([late.status, late.body.code, late.body.proof]).toEqual([410, "verification-approved", undefined]);
        await edge.settled();
        edge.advance(100_000);
      }
    },
  );

  it("of a check is not even stored for longer, and others are for a day", async () => {
    const { body } = await create();
    await act(body.id, "check", { code: await edge.codeOf(body.id) }, { headers: { "idempotency-key": "short" } });
    const { body: kept } = await create({ to: other });
    await act(kept.id, "cancel", undefined, { headers: { "idempotency-key": "long" } });
    await edge.settled();
    edge.advance(119_999);
    await runCron(edge.services);
    expect(await edge.count("idempotency")).toBe(2);
    edge.advance(1);
    await runCron(edge.services);
    expect(await edge.count("idempotency")).toBe(1);
    edge.advance(23 * 3600_000);
    const again = await act(kept.id, "cancel", undefined, { headers: { "idempotency-key": "long" } });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
  });

  it("of a wrong code counts once however often it is repeated within the two minutes", async () => {
    const { body } = await create();
    const code = wrong(await edge.codeOf(body.id));
    for (let i = 0; i < 3; i++) {
      const { body: answer } = await act(body.id, "check", { code }, { headers: { "idempotency-key": "wrong" } });
      expect(answer).toMatchObject({ code: "code-incorrect", attemptsLeft: 4 });
      await edge.settled();
    }
  });

  it("lies beside a fingerprint from which no code can be guessed", async () => {
    const code = "480213";
    const headers = { "idempotency-key": "own" };
    await create({ code }, { headers });
    const [row] = await edge.rows("SELECT fingerprint FROM idempotency");
    const guessed = await s256(`POST /v1/verifications\n${JSON.stringify({ code, to })}`);
    expect(row?.["fingerprint"]).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(row?.["fingerprint"]).not.toBe(guessed);
  });
});
