import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import type { Message, Session, Verification } from "@sandi/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

describe("an OTP from the API to a phone and back", () => {
  let stack: TestStack;
  let purpose = 0;
  const fresh = () => ({ purpose: `test-${purpose++}` });

  beforeAll(async () => {
    stack = await startTestStack();
  });
  afterAll(() => stack.destroy());

  it("shows the code on the phone, becomes read, and is approved once", async () => {
    const { verification, code } = await stack.sendCode(undefined, { ...fresh(), companyName: "Acme" });
    const [message] = (await stack.inbox()).slice(-1);
    expect(message?.text).toContain(code);
    expect(message?.text).toContain("Acme");
    expect(verification).toMatchObject({ status: "pending", created: true, attemptsLeft: 5 });

    const read = await eventually("the read receipt", async () => {
      const { body } = await stack.api<Verification>(`GET /v1/verifications/${verification.id}`);
      return body.delivery?.status === "read" ? body.delivery : undefined;
    });
    expect([read.sentAt, read.deliveredAt, read.readAt].every((at) => typeof at === "string")).toBe(true);

    const check = () => stack.api<Verification>(`POST /v1/verifications/${verification.id}/check`, { code });
    const first = await check();
    expect([first.status, first.body.status]).toEqual([200, "approved"]);
    const second = await check();
    expect([second.status, second.body.code]).toEqual([410, "verification-approved"]);
  });

  it("counts wrong codes and ends with the fifth; then the right code is refused, too", async () => {
    const { verification, code } = await stack.sendCode(undefined, fresh());
    const check = (guess: string) =>
      stack.api<Verification>(`POST /v1/verifications/${verification.id}/check`, { code: guess });
    for (const attemptsLeft of [4, 3, 2, 1]) {
      const { status, body } = await check(wrong(code));
      expect([status, body.code, body.attemptsLeft]).toEqual([422, "code-incorrect", attemptsLeft]);
    }
    expect([(await check(wrong(code))).status, (await check(code)).status]).toEqual([410, 410]);
  });

  it("refuses the right code after the verification has expired", async () => {
    const { verification, code } = await stack.sendCode(undefined, fresh());
    const db = createClient(stack.libsql);
    await db.execute({ sql: "UPDATE verification SET expires_at = 1 WHERE id = ?", args: [verification.id] });
    db.close();
    const { status, body } = await stack.api(`POST /v1/verifications/${verification.id}/check`, { code });
    expect([status, body.code]).toEqual([410, "verification-expired"]);
  });

  it("approves one of two simultaneous right checks", async () => {
    const { verification, code } = await stack.sendCode(undefined, fresh());
    const check = () => stack.api(`POST /v1/verifications/${verification.id}/check`, { code });
    const statuses = (await Promise.all([check(), check(), check(), check()])).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 410, 410, 410]);
  });

  it("sends one message for two creates with the same Idempotency-Key", async () => {
    const key = { "idempotency-key": "order-42" };
    const input = { to: stack.local.userPhone, ...fresh() };
    const before = (await stack.inbox()).length;
    const answers = await Promise.all([0, 1].map(() => stack.api<Verification>("POST /v1/verifications", input, key)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const again = await stack.api<Verification>("POST /v1/verifications", input, key);
    expect([again.status, again.headers.get("idempotent-replayed"), again.body.id]).toEqual([
      202,
      "true",
      answers[0]?.body.id,
    ]);
    const other = await stack.api("POST /v1/verifications", { ...input, ...fresh() }, key);
    expect([other.status, other.body.code]).toEqual([422, "idempotency-key-reused"]);
    await eventually("the message to be read", async () => {
      const { body } = await stack.api<Verification>(`GET /v1/verifications/${again.body.id}`);
      return body.delivery!.status === "read";
    });
    expect((await stack.inbox()).length - before).toBe(1);
  });

  it("sends one message for a job that QStash delivers twice", async () => {
    const { verification } = await stack.sendCode(undefined, fresh());
    const before = (await stack.inbox()).length;
    const { messageId, sessionId } = verification.delivery!;
    const job = { messageId, sessionId, expiresAt: verification.expiresAt };
    await stack.deliver("/jobs/send", job);
    expect((await stack.inbox()).length).toBe(before);
  });

  it("sends a text message and follows it to read", async () => {
    const { status, body } = await stack.api<Message>("POST /v1/messages", {
      sessionId: stack.local.sessionId,
      to: stack.local.userPhone,
      type: "text",
      text: "Terima kasih 🙏 — your order is on its way",
    });
    expect([status, body.status]).toEqual([202, "queued"]);
    await eventually("the message to be read", async () => {
      const message = await stack.api<Message>(`GET /v1/messages/${body.id}`);
      return message.body.status === "read";
    });
    expect((await stack.inbox()).at(-1)?.text).toBe("Terima kasih 🙏 — your order is on its way");
  });

  it("sends a location and follows it to read", async () => {
    const { status, body } = await stack.api<Message>("POST /v1/messages", {
      sessionId: stack.local.sessionId,
      to: stack.local.userPhone,
      type: "location",
      latitude: -6.1754,
      longitude: 106.8272,
      name: "Monas",
    });
    expect([status, body.type]).toEqual([202, "location"]);
    await eventually("the message to be read", async () => {
      const message = await stack.api<Message>(`GET /v1/messages/${body.id}`);
      return message.body.status === "read";
    });
    expect((await stack.inbox()).at(-1)).toMatchObject({
      kind: "location",
      text: "Monas",
      latitude: -6.1754,
      longitude: 106.8272,
    });
  });

  it("reports a number without WhatsApp as undeliverable, to keys that may know", async () => {
    const { body } = await stack.api<Verification>("POST /v1/verifications", { to: "+6281299999999", ...fresh() });
    const ended = await eventually("the failure", async () => {
      const now = await stack.api<Verification>(`GET /v1/verifications/${body.id}`);
      return now.body.status === "undeliverable" ? now.body : undefined;
    });
    expect(ended.delivery).toMatchObject({ status: "failed", failure: { reason: "not_on_whatsapp" } });
    const check = await stack.api(`POST /v1/verifications/${body.id}/check`, { code: "123456" });
    expect([check.status, check.body.code]).toEqual([410, "verification-undeliverable"]);
  });

  it("keeps codes, texts, keys and numbers out of every log, database and queue file", async () => {
    const secretText = "Rahasia-9f3b2c71";
    const { code, verification } = await stack.sendCode(undefined, fresh());
    const { body } = await stack.api<Message>("POST /v1/messages", {
      sessionId: stack.local.sessionId,
      to: stack.local.userPhone,
      type: "text",
      text: secretText,
    });
    await eventually("both to be read", async () => {
      const message = await stack.api<Message>(`GET /v1/messages/${body.id}`);
      const otp = await stack.api<Verification>(`GET /v1/verifications/${verification.id}`);
      return message.body.status === "read" && otp.body.delivery!.status === "read";
    });
    const writtenText = "Tersembunyi-4c0e17aa";
    const { body: session } = await stack.api<Session>(`GET /v1/sessions/${stack.local.sessionId}`);
    await stack.write(stack.local.userPhone!, { to: session.phone!, text: writtenText });
    const db = createClient(stack.libsql);
    await eventually("the content of its event", async () => {
      const { rows } = await db.execute("SELECT 1 FROM event_content");
      return rows.length > 0;
    });
    db.close();
    const number = stack.local.userPhone?.slice(1) ?? "";
    // The simulator's own file holds what its phones show, and the secrets' and local files hold keys by purpose.
    const ours = (await readdir(stack.dataFolder)).filter((file) => /\.db/.test(file));
    expect(ours.length).toBeGreaterThanOrEqual(3);
    for (const file of ours) {
      const bytes = await readFile(join(stack.dataFolder, file));
      for (const secret of [secretText, writtenText, stack.local.apiKey, stack.local.dashboard.password]) {
        expect(bytes.includes(secret), `${file} holds ${secret}`).toBe(false);
      }
      expect(digitsIn(bytes, code), `${file} holds the code`).toBe(false);
    }
    const log = stack.lines.join("\n");
    for (const secret of [code, secretText, writtenText, number, stack.local.apiKey]) expect(log).not.toContain(secret);
    expect(log).not.toMatch(/Closing session|privKey|noiseKey/);
  });
});

const wrong = (code: string) => (code === "000000" ? "000001" : "000000");

/** Whether these digits stand by themselves: inside a longer number they are part of a time or a counter. */
function digitsIn(bytes: Buffer, digits: string): boolean {
  return new RegExp(`(?<![0-9])${digits}(?![0-9])`).test(bytes.toString("latin1"));
}
