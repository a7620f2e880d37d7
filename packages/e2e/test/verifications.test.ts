import { createHash } from "node:crypto";
import { createClient } from "@libsql/client";
import type {
  ApprovedVerification,
  CreatedApiKey,
  Verification,
  VerificationList,
  VerificationResult,
} from "@sandi/contracts";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeIn } from "../src/code.ts";
import { eventually, type PhoneMessage, startTestStack, type TestStack } from "../src/harness.ts";

interface Timeline {
  events: { type: string; at: string; data: Record<string, unknown> }[];
}

describe("verifications on the user's phone", () => {
  let stack: TestStack;
  let count = 0;
  const fresh = () => ({ purpose: `case-${count++}` });

  beforeAll(async () => {
    stack = await startTestStack();
  });
  afterAll(() => stack.destroy());

  const check = (id: string, body: object, headers: Record<string, string> = {}) =>
    stack.api<ApprovedVerification>(`POST /v1/verifications/${id}/check`, body, headers);
  const get = async (id: string, headers: Record<string, string> = {}) =>
    (await stack.api<Verification>(`GET /v1/verifications/${id}`, undefined, headers)).body;
  const until = (id: string, status: string) =>
    eventually(`the delivery to be ${status}`, async () => {
      const verification = await get(id);
      return verification.delivery?.status === status && verification;
    });
  const asTest = () => ({ authorization: `Bearer ${stack.local.testApiKey}` });

  async function sql(statement: string, args: string[] = []): Promise<Record<string, unknown>[]> {
    const db = createClient(stack.libsql);
    const { rows } = await db.execute({ sql: statement, args });
    db.close();
    return rows;
  }

  /** Creates a verification and waits for its message. */
  async function send(input: object): Promise<{ verification: Verification; message: PhoneMessage }> {
    const before = new Set((await stack.inbox()).map(({ id }) => id));
    const { status, body } = await stack.api<Verification>("POST /v1/verifications", {
      to: stack.local.userPhone,
      ...fresh(),
      ...input,
    });
    expect(status).toBe(202);
    const message = await eventually("the message", async () =>
      (await stack.inbox()).find(({ id }) => !before.has(id)),
    );
    return { verification: body, message };
  }

  it("a resend brings the same code again, when the cooldown is over", async () => {
    const { verification, message } = await send({});
    const resend = () => stack.api<Verification>(`POST /v1/verifications/${verification.id}/resend`);
    const early = await resend();
    expect([early.status, early.body.code]).toEqual([429, "resend-cooldown"]);
    expect(Number(early.headers.get("retry-after"))).toBeGreaterThan(0);

    await sql("UPDATE verification SET next_send_at = 1 WHERE id = ?", [verification.id]);
    const again = await resend();
    expect([again.status, again.body.id, again.body.sendsLeft]).toEqual([202, verification.id, 3]);
    const code = codeIn(message.text) ?? "";
    await eventually("the second message", async () => {
      const [last] = (await stack.inbox()).slice(-1);
      return last?.id !== message.id && codeIn(last?.text ?? "") === code;
    });
    expect((await check(verification.id, { code })).status).toBe(200);
  });

  it("cancel deletes a code on the phone that nobody has read, and keeps a code that was read", async () => {
    const read = await send({});
    await until(read.verification.id, "read");
    await stack.patchPhone(stack.local.userPhone ?? "", { receipts: "delivered" });
    const unread = await send({});
    await until(unread.verification.id, "delivered");
    for (const { verification } of [read, unread]) {
      const canceled = await stack.api<Verification>(`POST /v1/verifications/${verification.id}/cancel`);
      expect([canceled.status, canceled.body.status]).toEqual([200, "canceled"]);
    }
    const { status } = await until(unread.verification.id, "revoked");
    expect(status).toBe("canceled");
    await stack.patchPhone(stack.local.userPhone ?? "", { receipts: "read" });
    const shown = new Map((await stack.inbox()).map(({ id, kind, text }) => [id, { kind, text }]));
    expect(shown.get(unread.message.id)).toEqual({ kind: "revoked", text: "" });
    expect(shown.get(read.message.id)).toEqual({ kind: "text", text: read.message.text });
    const late = await check(unread.verification.id, { code: codeIn(unread.message.text) });
    expect([late.status, late.body.code]).toEqual([410, "verification-canceled"]);
  });

  it("a bound code shows amount and payee, and is right only for the same", async () => {
    const bind = { amount: "IDR 150,000", payee: "Toko Makmur" };
    const { verification, message } = await send({ bind, locale: "en" });
    expect(message.text).toContain("IDR 150,000 to Toko Makmur");
    const code = codeIn(message.text);
    const wrong = [
      { code },
      { code, bind: { ...bind, amount: "IDR 950,000" } },
      { code, bind: { amount: bind.amount } },
    ];
    for (const body of wrong) {
      const answer = await check(verification.id, body);
      expect([answer.status, answer.body.code]).toEqual([422, "code-incorrect"]);
    }
    const right = await check(verification.id, { code, bind });
    expect([right.status, right.body.bind]).toEqual([200, bind]);
    expect(decodeJwt(right.body.proof ?? "")).toMatchObject({ bind, sub: verification.id });
  });

  it("only the bound client can check a code, and other clients use no attempt", async () => {
    const clientVerifier = "the-verifier-that-only-this-client-of-the-app-has";
    const challenge = createHash("sha256").update(clientVerifier).digest("base64url");
    const { verification, message } = await send({ clientBinding: { method: "S256", challenge } });
    const code = codeIn(message.text);
    for (const body of [{ code }, { code, clientVerifier: `${clientVerifier}-not` }]) {
      const answer = await check(verification.id, body);
      expect([answer.status, answer.body.code]).toEqual([422, "client-binding-mismatch"]);
    }
    expect((await get(verification.id)).attemptsLeft).toBe(5);
    expect((await check(verification.id, { code, clientVerifier })).status).toBe(200);
  });

  it("a code of letters and digits may be typed in small letters", async () => {
    const { verification, message } = await send({ codeAlphabet: "alphanumeric", codeLength: 8 });
    const code = /^\*([A-Z0-9]{8})\*$/m.exec(message.text)?.[1];
    expect(code).toMatch(/^[A-HJKMNP-Z2-9]{8}$/);
    const answer = await check(verification.id, { code: code?.toLowerCase() });
    expect([answer.status, answer.body.status]).toEqual([200, "approved"]);
  });

  it("a batch of 50 sends 50 phones a code of their own", async () => {
    const numbers = Array.from({ length: 50 }, (_, i) => `+62813000020${String(i).padStart(2, "0")}`);
    for (const number of numbers) await stack.addPhone(number);
    const verifications = numbers.map((to) => ({ to, purpose: "batch" }));
    const { status, body } = await stack.api<{ results: VerificationResult[] }>("POST /v1/verifications/batch", {
      verifications,
    });
    expect([status, body.results.map((result) => result.status)]).toEqual([200, numbers.map(() => 202)]);
    const approved = await Promise.all(
      numbers.map(async (number, i) => {
        const code = await eventually(`a code on ${number}`, async () =>
          codeIn((await stack.inbox(number))[0]?.text ?? ""),
        );
        return (await check(body.results[i]?.verification?.id ?? "", { code })).status;
      }),
    );
    expect(approved).toEqual(numbers.map(() => 200));
    expect((await stack.inbox(numbers[7])).length).toBe(1);
  });

  it("the timeline shows what happened in order", async () => {
    const { verification, message } = await send({});
    await until(verification.id, "read");
    const code = codeIn(message.text) ?? "";
    await check(verification.id, { code: code === "000000" ? "000001" : "000000" });
    await check(verification.id, { code });
    const { body } = await stack.api<Timeline>(`GET /v1/verifications/${verification.id}/events`);
    expect(body.events.map(({ type }) => type)).toEqual([
      "verification.created",
      "message.queued",
      "message.sent",
      "message.delivered",
      "message.read",
      "verification.check_failed",
      "verification.approved",
    ]);
    expect(body.events.map(({ at }) => at)).toEqual(
      body.events.map(({ at }) => at).toSorted((a, b) => a.localeCompare(b)),
    );
    expect(JSON.stringify(body)).not.toContain(code);
  });

  const create = (to: string, input: object = {}) =>
    stack.api<Verification>("POST /v1/verifications", { to, ...fresh(), ...input }, asTest());

  /** A test key that sees who has a WhatsApp account. */
  let seer = "";
  beforeAll(async () => {
    const scopes = ["otp:send", "lookup:read"];
    const { body } = await stack.api<CreatedApiKey>("POST /v1/keys", { name: "Seer", environment: "test", scopes });
    seer = body.key ?? "";
  });

  /** The result in the sandbox, by the last two digits of the sandbox's number. */
  async function outcome(digits: string, input: object = {}): Promise<unknown[]> {
    const { status, body } = await create(`+999000000${digits}`, input);
    if (status !== 202) return [status, body.code];
    const now = await get(body.id, { authorization: `Bearer ${seer}` });
    return [now.status, now.delivery?.failure?.reason ?? now.delivery?.status];
  }

  describe("verifications with a test key", () => {
    it("have known codes, and no connector gets a job", async () => {
      const { status, body } = await create("+99900000000");
      expect([status, body.test, body.to.startsWith("+999")]).toEqual([202, true, true]);
      expect((await get(body.id, asTest())).delivery).toMatchObject({ status: "read", sessionId: null });
      const approved = await check(body.id, { code: "123456" }, asTest());
      expect(approved.status).toBe(200);
      expect(decodeJwt(approved.body.proof ?? "")).toMatchObject({ test: true });
      const real = await create(stack.local.userPhone ?? "");
      expect(real.status).toBe(202);

      // A real one behind them: what was on its way to the connector before it would be there.
      const before = (await stack.inbox()).length;
      await stack.sendCode(undefined, fresh());
      expect((await stack.inbox()).length - before).toBe(1);
      await stack.runCron();
      expect(await sql("SELECT id FROM message WHERE test = 1 AND (attempt > 0 OR claimed_by IS NOT NULL)")).toEqual(
        [],
      );
      expect((await stack.api(`GET /v1/verifications/${body.id}`)).status).toBe(404);
    });

    it("end as the last two digits of the number say", async () => {
      expect(await outcome("01")).toEqual(["undeliverable", "not_on_whatsapp"]);
      expect(await outcome("02")).toEqual(["pending", "queued"]);
      expect(await outcome("03")).toEqual([409, "no-eligible-session"]);
      expect(await outcome("04")).toEqual([429, "rate-limited"]);
      expect(await outcome("05")).toEqual(["pending", "sent"]);
      expect(await outcome("06")).toEqual([403, "destination-blocked"]);
      expect(await outcome("07", { mode: "inbound" })).toEqual(["approved", undefined]);
    });
  });

  it("the list is filtered and has pages", async () => {
    const to = "+6281300003000";
    await stack.addPhone(to);
    const made: string[] = [];
    for (const input of [{ purpose: "list-a" }, { purpose: "list-b" }, { purpose: "list-c", mode: "inbound" }]) {
      const { body } = await stack.api<Verification>("POST /v1/verifications", { to, ...input });
      made.push(body.id);
    }
    await stack.api(`POST /v1/verifications/${made[1]}/cancel`);
    const list = async (filters: Record<string, unknown>) => {
      const { body } = await stack.api<VerificationList>("POST /v1/verifications/search", { to, ...filters });
      return { ids: body.verifications.map(({ id }) => id), next: body.nextCursor };
    };
    const [a = "", b = "", c = ""] = made;
    expect((await list({ purpose: "list-a" })).ids).toEqual([a]);
    expect((await list({ status: "canceled" })).ids).toEqual([b]);
    expect((await list({ mode: "inbound" })).ids).toEqual([c]);
    expect((await list({ status: "pending", country: "ID" })).ids).toEqual([c, a]);
    expect((await list({ country: "SG" })).ids).toEqual([]);
    expect((await list({ test: true })).ids).toEqual([]);
    const first = await list({ limit: 2 });
    expect(first.ids).toEqual([c, b]);
    const second = await list({ limit: 2, cursor: first.next ?? "" });
    expect(second).toEqual({ ids: [a], next: null });
    const masked = await stack.api("POST /v1/verifications/search", { to });
    expect(JSON.stringify(masked.body)).not.toContain(to.slice(1));
  });
});
