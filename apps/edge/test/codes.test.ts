import { s256 } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { type Edge, wrong } from "./harness.ts";
import { setPolicy } from "./set-policy.ts";
import { useEdge } from "./use-edge.ts";
import { to, verificationCalls } from "./verification-calls.ts";

let edge: Edge;
useEdge((started) => (edge = started));

beforeEach(async () => {
  await edge.addSession();
});

const { create, act, get } = verificationCalls(() => edge);

describe("a check by number", () => {
  it("finds the pending verification of number and purpose, and proves the number", async () => {
    const { body } = await create({ purpose: "signup" });
    const code = await edge.codeOf(body.id);
    const by = (input: Record<string, unknown>) =>
      edge.api<{ proof: string; id: string }>("POST /v1/verifications/check", { to, ...input });
    expect((await by({ code })).status).toBe(404);
    expect((await by({ purpose: "signup", code: wrong(code) })).status).toBe(422);
    const right = await by({ purpose: "signup", code });
    expect([right.status, right.body.id]).toEqual([200, body.id]);
    const claims = JSON.parse(atob(right.body.proof.split(".")[1] ?? "")) as Record<string, unknown>;
    expect(claims).toMatchObject({ aud: edge.workspace.id, sub: body.id, purpose: "signup", phone_number: to });
    expect(Number(claims["exp"]) - Number(claims["iat"])).toBe(300);
    expect((await by({ purpose: "signup", code })).status).toBe(410);
  });
});

describe("what a code is bound to", () => {
  const bind = { amount: "IDR 150,000", payee: "Toko Makmur" };

  it("is in the text, and the code is right for nothing else", async () => {
    const { body } = await create({ bind, locale: "en" });
    const code = await edge.codeOf(body.id);
    const [row] = await edge.rows("SELECT template FROM message");
    expect(row?.["template"]).toContain("IDR 150,000 to Toko Makmur");
    const without = await act(body.id, "check", { code });
    expect([without.status, without.body.detail]).toEqual([422, expect.stringContaining("`bind`")]);
    expect((await act(body.id, "check", { code, bind: { ...bind, amount: "IDR 950,000" } })).status).toBe(422);
    const right = await act(body.id, "check", { code, bind });
    expect([right.status, right.body.bind]).toEqual([200, bind]);
  });

  it("is replaced by another one after the cooldown, with another code", async () => {
    const first = (await create({ bind })).body;
    const bound = { bind: { amount: "IDR 1" } };
    expect((await create(bound)).status).toBe(429);
    edge.advance(30_000);
    const second = (await create(bound)).body;
    expect([second.created, second.id === first.id, (await get(first.id)).status]).toEqual([true, false, "canceled"]);
  });
});

describe("a client binding", () => {
  const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

  it("allows checks only by the client that created it, and costs others no attempt", async () => {
    const { body } = await create({ clientBinding: { method: "S256", challenge: await s256(verifier) } });
    const code = await edge.codeOf(body.id);
    for (const clientVerifier of [undefined, `${verifier}x`]) {
      const answer = await act(body.id, "check", { code, clientVerifier });
      expect([answer.status, answer.body.code]).toEqual([422, "client-binding-mismatch"]);
    }
    expect((await get(body.id)).attemptsLeft).toBe(5);
    expect((await act(body.id, "check", { code, clientVerifier: verifier })).status).toBe(200);
  });

  it("is the vector of RFC 7636", async () => {
    expect(await s256(verifier)).toBe("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  });
});

describe("a code", () => {
  it.each([
    [{ codeLength: 8 }, /^[0-9]{8}$/, 5, 300],
    [{ codeLength: 4 }, /^[0-9]{4}$/, 3, 300],
    [{ codeAlphabet: "alphanumeric", codeLength: 7 }, /^[0-9A-Z]{7}$/, 5, 300],
    [{ code: "48ab2c" }, /^48AB2C$/, 5, 300],
    [{ code: "4802", expiresIn: 120 }, /^4802$/, 3, 120],
  ])("asked for with %j", async (input, shape, checks, seconds) => {
    const { status, body } = await create(input);
    expect(status).toBe(202);
    expect(await edge.codeOf(body.id)).toMatch(shape);
    expect(body.attemptsLeft).toBe(checks);
    expect(Date.parse(body.expiresAt) - Date.parse(body.createdAt)).toBe(seconds * 1000);
    const answer = await act(body.id, "check", { code: (await edge.codeOf(body.id)).toLowerCase() });
    expect(answer.status).toBe(200);
    expect(answer.body.proof === null).toBe("code" in input);
  });

  it.each([
    [{ codeLength: 5, expiresIn: 301 }, "/expiresIn"],
    [{ code: "123", purpose: "a" }, "/code"],
    [{ code: "1234", codeLength: 4 }, "/code"],
    [{ code: "123456", revealCode: true }, "/revealCode"],
    [{ codeLength: 9 }, "/codeLength"],
  ])("is refused for %j", async (input, pointer) => {
    const { status, body } = await create(input);
    expect([status, body.errors?.map((each) => each.pointer)]).toEqual([400, [pointer]]);
    expect(await edge.count("verification")).toBe(0);
  });

  it("of one's own takes the scope, and replaces a pending one", async () => {
    const key = await edge.addKey(edge.workspace.id, ["otp:send"]);
    const lacking = await create({ code: "123456" }, { key });
    expect([lacking.status, lacking.body.detail]).toEqual([403, "The key needs the scope otp:custom."]);
    const first = (await create()).body;
    edge.advance(30_000);
    const second = (await create({ code: "123456" })).body;
    expect([second.created, (await get(first.id)).status]).toEqual([true, "canceled"]);
  });

  it("that some caller knows is not sent for another's request, nor a shorter one than is asked for", async () => {
    const first = (await create({ code: "424242" })).body;
    edge.advance(30_000);
    const second = (await create()).body;
    expect([second.created, second.id === first.id, (await get(first.id)).status]).toEqual([true, false, "canceled"]);
    expect((await act(second.id, "check", { code: "424242" })).status).toBe(422);
    const short = (await create({ codeLength: 4, purpose: "b" })).body;
    edge.advance(30_000);
    const long = (await create({ codeLength: 8, purpose: "b" })).body;
    expect([long.created, long.codeLength, (await get(short.id)).status]).toEqual([true, 8, "canceled"]);
  });

  it("is revealed only with policy, scope and request together, once, and not proven", async () => {
    const input = { revealCode: true };
    expect((await create(input)).body.code).toBe("policy-refuses");
    await setPolicy(edge, { countries: ["*"], allowReveal: true });
    const key = await edge.addKey(edge.workspace.id, ["otp:send", "otp:check"]);
    expect((await create(input, { key })).status).toBe(403);
    expect((await create()).body).not.toHaveProperty("code");
    edge.advance(30_000);
    const { body } = await create(input, { headers: { "idempotency-key": "reveal" } });
    const code = await edge.codeOf(body.id);
    expect(body.code).toBe(code);
    await edge.settled();
    const kept = JSON.stringify(await edge.rows("SELECT * FROM idempotency"));
    expect(kept).not.toContain(code);
    const replayed = await create(input, { headers: { "idempotency-key": "reveal" } });
    expect([replayed.headers.get("idempotent-replayed"), replayed.body]).toEqual(["true", body]);
    expect(await get(body.id)).not.toHaveProperty("code");
    expect((await act(body.id, "check", { code })).body.proof).toBeNull();
    const after = await create(input, { headers: { "idempotency-key": "reveal" } });
    expect([after.headers.get("idempotent-replayed"), after.body.id, after.body.code]).toEqual([
      "true",
      body.id,
      undefined,
    ]);
    expect(await edge.rows("SELECT response FROM idempotency WHERE is_sealed = 1")).toEqual([]);
  });
});
