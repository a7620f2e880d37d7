import type { Server } from "node:http";
import { serve } from "@sandi/examples/better-auth";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { codeIn } from "../src/code.ts";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

interface Verified {
  status: boolean;
  token: string;
  user: { id: string; phoneNumber: string; phoneNumberVerified: boolean };
  code?: string;
}

describe("the example of Better Auth", () => {
  let stack: TestStack;
  let url: string;
  let server: Server;
  let to: string;

  beforeAll(async () => {
    // Better Auth logs each refusal that it passes on; the tests assert them.
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    stack = await startTestStack();
    to = stack.local.userPhone ?? "";
    ({ url, server } = await serve({ apiUrl: stack.apiUrl, apiKey: stack.local.apiKey }, 0));
  });
  afterAll(async () => {
    server.close();
    await stack.destroy();
    vi.restoreAllMocks();
  });

  const post = (path: string, body: unknown) => call(`phone-number/${path}`, body);
  const call = (path: string, body: unknown) =>
    fetch(`${url}/api/auth/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: url },
      body: JSON.stringify(body),
    });
  /** The code that this request brings to the phone. */
  async function codeAfter(phone: string, path: string, body: unknown): Promise<string> {
    const before = new Set((await stack.inbox(phone)).map(({ id }) => id));
    expect((await post(path, body)).status).toBe(200);
    return eventually("the code on the phone", async () => {
      const message = (await stack.inbox(phone)).find(({ id }) => !before.has(id));
      return message && codeIn(message.text);
    });
  }
  async function signIn(phone: string, phoneNumber: string): Promise<Verified["user"]> {
    const code = await codeAfter(phone, "send-otp", { phoneNumber });
    const answer = await post("verify", { phoneNumber, code });
    expect(answer.status).toBe(200);
    return ((await answer.json()) as Verified).user;
  }

  it("signs up a user who types the code from the phone, once, and refuses a wrong code", async () => {
    const code = await codeAfter(to, "send-otp", { phoneNumber: to });
    const wrong = code === "000000" ? "000001" : "000000";
    for (const guess of [wrong, "12", "nonsense"]) {
      const refused = await post("verify", { phoneNumber: to, code: guess });
      expect([refused.status, ((await refused.json()) as Verified).code]).toEqual([400, "INVALID_OTP"]);
    }
    const right = await post("verify", { phoneNumber: to, code });
    const { status, user, token } = (await right.json()) as Verified;
    expect([right.status, status, user.phoneNumber, user.phoneNumberVerified]).toEqual([200, true, to, true]);
    expect(token).not.toBe("");
    const cookie = right.headers
      .getSetCookie()
      .map((each) => each.split(";")[0])
      .join("; ");
    const session = await fetch(`${url}/api/auth/get-session`, { headers: { cookie } });
    expect(((await session.json()) as Verified).user.id).toBe(user.id);
    expect((await post("verify", { phoneNumber: to, code })).status).toBe(400);
  });

  it("makes one user for one number in any spelling", async () => {
    const phone = "+6281600000001";
    await stack.addPhone(phone);
    const users = [];
    for (const typed of [phone, "081600000001", "+62 816-0000-0001"]) users.push(await signIn(phone, typed));
    expect(users.map(({ phoneNumber }) => phoneNumber)).toEqual([phone, phone, phone]);
    expect(new Set(users.map(({ id }) => id)).size).toBe(1);
  });

  it("makes one user for the two spellings of one account", async () => {
    expect((await stack.api("PATCH /v1/workspace", { policy: { countries: ["*"] } })).status).toBe(200);
    const phone = "+541123456789";
    await stack.addPhone(phone);
    const users = [await signIn(phone, phone), await signIn(phone, "+54 9 11 2345-6789")];
    expect(users[0]).toMatchObject({ phoneNumber: "+5491123456789" });
    expect(users[1]?.id).toBe(users[0]?.id);
  });

  it("resets a password with a code that Sandi sends and checks, once", async () => {
    const phone = "+6281600000002";
    await stack.addPhone(phone);
    const { id } = await signIn(phone, phone);
    const typed = "0816 0000 0002";
    const code = await codeAfter(phone, "request-password-reset", { phoneNumber: typed });
    const reset = (otp: string) =>
      post("reset-password", { phoneNumber: typed, otp, newPassword: "correct horse battery" });
    const wrong = code === "000000" ? "000001" : "000000";
    for (const guess of [wrong, "12"]) {
      const refused = await reset(guess);
      expect([refused.status, ((await refused.json()) as Verified).code]).toEqual([400, "INVALID_OTP"]);
    }
    // Asked for again too soon, the code on the phone stays the right one.
    expect((await post("request-password-reset", { phoneNumber: phone })).status).toBe(200);
    expect((await reset(code)).status).toBe(200);
    expect((await reset(code)).status).toBe(400);
    const signedIn = await call("sign-in/phone-number", { phoneNumber: typed, password: "correct horse battery" });
    expect([signedIn.status, ((await signedIn.json()) as Verified).user.id]).toEqual([200, id]);
  });

  it("answers the reset of an unknown number like a user's, and sends nothing", async () => {
    const phone = "+6281600000003";
    await stack.addPhone(phone);
    expect((await post("request-password-reset", { phoneNumber: phone })).status).toBe(200);
    expect(
      (await post("reset-password", { phoneNumber: phone, otp: "123456", newPassword: "long enough" })).status,
    ).toBe(400);
    expect(await stack.inbox(phone)).toEqual([]);
  });

  it("passes on the refusals of Sandi", async () => {
    const answer = await post("send-otp", { phoneNumber: "12" });
    expect([answer.status, await answer.json()]).toMatchObject([400, { message: "The request is not valid" }]);
  });
});
