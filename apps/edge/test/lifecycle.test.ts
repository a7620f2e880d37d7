import {
  claimPath,
  eventsPath,
  type Timeline,
  type Verification,
  type VerificationList,
  type VerificationResult,
} from "@sandi/contracts";
import { s256 } from "@sandi/crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { z } from "zod";
import { runCron } from "../src/cron.ts";
import { type Edge, wrong } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
const to = "+6281234567890";
const other = "+6281234567891";

beforeEach(async () => {
  sessionId = await edge.addSession();
});

const create = (input: Record<string, unknown> = {}, options: Parameters<Edge["api"]>[2] = {}) =>
  edge.api<Verification>("POST /v1/verifications", { to, ...input }, options);
const act = (id: string, verb: string, body?: unknown, options: Parameters<Edge["api"]>[2] = {}) =>
  edge.api<Verification & { proof?: string | null }>(`POST /v1/verifications/${id}/${verb}`, body, options);
const get = async (id: string) => (await edge.api<Verification>(`GET /v1/verifications/${id}`)).body;
const timeline = async (id: string) =>
  (await edge.api<z.infer<typeof Timeline>>(`GET /v1/verifications/${id}/events`)).body.events.map(({ type }) => type);
const setPolicy = async (policy: Record<string, unknown>) => {
  await edge.client.execute({
    sql: "UPDATE workspace SET policy = ? WHERE id = ?",
    args: [JSON.stringify({ countries: ["*"], ...policy }), edge.workspace.id],
  });
  edge.services.keyCache.clear();
};
let seq = 0;
async function report(type: string, fields: Record<string, unknown>, at = edge.services.now()) {
  seq++;
  const id = `evt_01jd3k9v7hq2w8x5n4b6m${String(seq).padStart(5, "0")}`;
  const event = { id, seq, sessionId, at: at.toISOString(), type, ...fields };
  const answer = await edge.internal(eventsPath, { connectorId: "a", events: [event] });
  expect(answer.status).toBe(200);
}

describe("a resend", () => {
  it("sends the same code again by id, under the cooldown and the number of sends", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    const early = await act(body.id, "resend");
    expect([early.status, early.body.code, early.body.retryAfter]).toEqual([429, "resend-cooldown", 30]);
    for (const [seconds, left] of [
      [30, 3],
      [60, 2],
      [120, 1],
    ] as const) {
      edge.advance(seconds * 1000);
      const { status, body: again } = await act(body.id, "resend");
      expect([status, again.id, again.sendsLeft, again.delivery?.status]).toEqual([202, body.id, left, "queued"]);
    }
    expect(await edge.codeOf(body.id)).toBe(code);
    await edge.settled();
    expect(new Set(edge.jobs.map(({ body: job }) => ("messageId" in job ? job.messageId : ""))).size).toBe(4);
    expect((await act(body.id, "check", { code })).status).toBe(200);
    const ended = await act(body.id, "resend");
    expect([ended.status, ended.body.code]).toEqual([410, "verification-approved"]);
  });

  it("is stored once under an Idempotency-Key", async () => {
    const { body } = await create();
    edge.advance(30_000);
    const options = { headers: { "idempotency-key": "again" } };
    const answers = [await act(body.id, "resend", undefined, options)];
    await edge.settled();
    answers.push(await act(body.id, "resend", undefined, options));
    expect(answers.map(({ status, headers }) => [status, headers.get("idempotent-replayed")])).toEqual([
      [202, null],
      [202, "true"],
    ]);
    expect(await edge.count("message")).toBe(2);
  });
});

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

describe("a cancel", () => {
  it("asks to revoke what was sent and not read, until a connector confirms it", async () => {
    const { body } = await create();
    const messageId = body.delivery?.messageId ?? "";
    await report("message.sent", { messageId });
    await report("message.delivered", { messageId });
    await edge.settled();
    edge.jobs.length = 0;
    expect((await act(body.id, "cancel")).body.status).toBe("canceled");
    await edge.settled();
    expect(edge.jobs).toMatchObject([{ kind: "revoke", body: { messageId, sessionId } }]);
    edge.advance(60_000);
    await runCron(edge.services);
    expect(edge.jobs.length).toBe(2);
    await report("message.revoked", { messageId });
    expect((await get(body.id)).delivery?.status).toBe("revoked");
    edge.advance(120_000);
    await runCron(edge.services);
    expect(edge.jobs.length).toBe(2);
    expect(await timeline(body.id)).toEqual([
      "verification.created",
      "message.queued",
      "message.sent",
      "message.delivered",
      "verification.canceled",
      "message.revoked",
    ]);
  });

  it("still takes a message back that the clock has failed, when a late event says that it was sent", async () => {
    const { body } = await create();
    const messageId = body.delivery?.messageId ?? "";
    edge.advance(200_000);
    const claims = [{ messageId, sessionId, fence: 1 }];
    await edge.internal(claimPath, { connectorId: "a", claims });
    await act(body.id, "cancel");
    for (let minute = 0; minute < 5; minute++) {
      edge.advance(60_000);
      await runCron(edge.services);
    }
    expect((await get(body.id)).delivery?.status).toBe("failed");
    edge.jobs.length = 0;
    await report("message.sent", { messageId });
    edge.advance(120_000);
    await runCron(edge.services);
    expect(edge.jobs).toMatchObject([{ kind: "revoke", body: { messageId, sessionId } }]);
  });

  it("leaves what was read, and what was never sent, alone", async () => {
    const { body } = await create();
    await report("message.read", { messageId: body.delivery?.messageId });
    const queued = (await create({ to: other })).body;
    await edge.settled();
    edge.jobs.length = 0;
    await act(body.id, "cancel");
    await act(queued.id, "cancel");
    await edge.settled();
    expect(edge.jobs).toEqual([]);
    expect([(await get(body.id)).delivery?.status, (await get(queued.id)).delivery?.status]).toEqual([
      "read",
      "canceled",
    ]);
  });
});

describe("an approval from outside", () => {
  it("takes the scope, ends the verification, is audited, and gives no proof", async () => {
    const { body } = await create();
    const lacking = await edge.addKey(edge.workspace.id, ["otp:send", "otp:check", "otp:custom"]);
    expect((await act(body.id, "approve", { reason: "seen" }, { key: lacking })).status).toBe(403);
    for (let i = 0; i < 2; i++) {
      const answer = await act(body.id, "approve", { reason: "seen" });
      expect([answer.status, answer.body.status, answer.body.approvedBy]).toEqual([200, "approved", "external"]);
      expect(answer.body).not.toHaveProperty("proof");
    }
    expect(await edge.rows("SELECT action, target, detail FROM audit")).toEqual([
      { action: "verification.approved", target: body.id, detail: '{"reason":"seen"}' },
    ]);
    expect(await edge.rows("SELECT code_mac, sealed_code FROM verification")).toEqual([
      { code_mac: null, sealed_code: null },
    ]);
    expect(await edge.rows("SELECT status FROM message")).toEqual([{ status: "canceled" }]);
  });

  it("names the bind of the code, and the client that requested it", async () => {
    const verifier = "v".repeat(43);
    const bind = { amount: "IDR 150,000", payee: "Toko Makmur" };
    const clientBinding = { method: "S256", challenge: await s256(verifier) };
    const { body } = await create({ bind, clientBinding });
    const approve = (named: object) => act(body.id, "approve", { reason: "seen", ...named });
    const pointer = "/bind";
    const message = "must be the `bind` of the verification";
    for (const named of [{}, { bind: { amount: "IDR 150,000" } }, { clientVerifier: verifier }]) {
      const { status, body: answer } = await approve(named);
      expect([status, answer.errors]).toEqual([400, [{ pointer, message }]]);
    }
    const elsewhere = await approve({ bind, clientVerifier: "x".repeat(43) });
    expect([elsewhere.status, elsewhere.body.code]).toEqual([422, "client-binding-mismatch"]);
    expect((await edge.rows("SELECT id FROM audit")).length).toBe(0);
    const right = { bind, clientVerifier: verifier };
    for (let i = 0; i < 2; i++) expect((await approve(right)).body.approvedBy).toBe("external");
    expect((await approve({})).status).toBe(400);
    expect(await edge.rows("SELECT detail FROM audit")).toEqual([{ detail: JSON.stringify({ reason: "seen", bind }) }]);
    const plain = (await create({ to: other })).body;
    const unasked = await act(plain.id, "approve", { reason: "seen", bind });
    expect([unasked.status, unasked.body.errors?.[0]?.pointer]).toEqual([400, "/bind"]);
  });

  it("does not pass for one that a code has approved", async () => {
    const { body } = await create();
    await act(body.id, "check", { code: await edge.codeOf(body.id) });
    const answer = await act(body.id, "approve", { reason: "seen" });
    expect([answer.status, answer.body.code]).toEqual([410, "verification-approved"]);
    expect(await edge.count("audit")).toBe(0);
  });
});

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
    await setPolicy({ allowReveal: true });
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
  beforeEach(() => setPolicy({ prefixGuard: "off" }));

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

describe("the list", () => {
  it("pages newest first, and filters by what it says", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      edge.advance(1000);
      ids.push((await create({ to: i < 3 ? to : other, purpose: `p${i}` })).body.id);
    }
    await act(ids[0] ?? "", "cancel");
    const list = async (query: string) => (await edge.api<VerificationList>(`GET /v1/verifications?${query}`)).body;
    const first = await list("limit=2");
    expect(first.verifications.map(({ id }) => id)).toEqual([ids[4], ids[3]]);
    const second = await list(`limit=2&cursor=${first.nextCursor}`);
    expect(second.verifications.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    const third = await list(`limit=2&cursor=${second.nextCursor}`);
    expect([third.verifications.map(({ id }) => id), third.nextCursor]).toEqual([[ids[0]], null]);
    const found = async (query: string) => (await list(query)).verifications.map(({ id }) => ids.indexOf(id));
    expect(await found("status=canceled")).toEqual([0]);
    const refused = await edge.api(`GET /v1/verifications?to=${encodeURIComponent(other)}`);
    expect([refused.status, refused.body.errors]).toEqual([
      400,
      [{ pointer: "query/to", message: "must be in the body of `POST /v1/verifications/search`" }],
    ]);
    expect(await found("purpose=p2")).toEqual([2]);
    expect(await found("mode=inbound")).toEqual([]);
    expect(await found("country=ID&status=pending")).toEqual([4, 3, 2, 1]);
    expect(await found(`sessionId=${sessionId}&limit=1`)).toEqual([4]);
    expect(await found(`createdAfter=${first.verifications[1]?.createdAt}`)).toEqual([4]);
    expect(await found(`createdBefore=${first.verifications[1]?.createdAt}`)).toEqual([2, 1, 0]);
    edge.advance(301_000);
    expect(await found("status=expired")).toEqual([4, 3, 2, 1]);
    expect(await found("status=pending")).toEqual([]);
    const bad = await edge.api("GET /v1/verifications?limit=0");
    expect([bad.status, bad.body.errors]).toEqual([400, [{ pointer: "query/limit", message: "must be at least 1" }]]);
    const stranger = await edge.addWorkspace();
    expect((await edge.api("GET /v1/verifications", undefined, { key: stranger.key })).body).toEqual({
      verifications: [],
      nextCursor: null,
    });
  });
});

const search = (filters: Record<string, unknown>, key = edge.workspace.key) =>
  edge.api<VerificationList>("POST /v1/verifications/search", filters, { key });

describe("a search", () => {
  it("answers as the list does, with a number in the body and in no address", async () => {
    const ids: string[] = [];
    for (const number of [to, other, to]) {
      edge.advance(1000);
      ids.push((await create({ to: number, purpose: `p${ids.length}` })).body.id);
    }
    await act(ids[0] ?? "", "cancel");
    const found = async (filters: Record<string, unknown>) =>
      (await search(filters)).body.verifications.map(({ id }) => ids.indexOf(id));
    expect((await search({})).body).toEqual((await edge.api("GET /v1/verifications")).body);
    expect(await found({ to })).toEqual([2, 0]);
    expect(await found({ to: other, status: "pending" })).toEqual([1]);
    expect(await found({ to, status: "canceled", test: false })).toEqual([0]);
    expect(await found({ to, test: true })).toEqual([]);
    const { nextCursor } = (await search({ to, limit: 1 })).body;
    expect(await found({ to, limit: 1, cursor: nextCursor })).toEqual([0]);
    const stranger = await edge.addWorkspace();
    expect((await search({ to }, stranger.key)).body.verifications).toEqual([]);
    expect(JSON.stringify(edge.requests)).not.toContain(to.slice(1));
  });

  it("refuses what is not a filter, and keys that see no verifications", async () => {
    const bad = await search({ to: "12", phone: to });
    expect([bad.status, bad.body.errors]).toEqual([400, [{ pointer: "/phone", message: "is not a known field" }]]);
    const lacking = await edge.addKey(edge.workspace.id, ["message:send"]);
    expect((await search({ to }, lacking)).status).toBe(403);
  });
});

describe("the timeline", () => {
  it("has wrong codes, the last of them, and an expiry without a request", async () => {
    const { body } = await create();
    const code = await edge.codeOf(body.id);
    for (let i = 0; i < 5; i++) await act(body.id, "check", { code: wrong(code) });
    expect(await timeline(body.id)).toEqual([
      "verification.created",
      "message.queued",
      ...Array.from({ length: 5 }, () => "verification.check_failed"),
      "verification.max_attempts_reached",
      "message.canceled",
    ]);
    const lapsing = (await create({ to: other })).body;
    edge.advance(301_000);
    await runCron(edge.services);
    expect((await timeline(lapsing.id)).filter((type) => type.startsWith("verification"))).toEqual([
      "verification.created",
      "verification.expired",
    ]);
  });
});
