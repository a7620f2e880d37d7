import type { Server } from "node:http";
import { serve } from "@sandi/examples/better-auth";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeIn, eventually, startTestStack, type TestStack } from "../src/harness.ts";

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
    stack = await startTestStack();
    to = stack.local.userPhone ?? "";
    ({ url, server } = await serve({ apiUrl: stack.apiUrl, apiKey: stack.local.apiKey }, 0));
  });
  afterAll(async () => {
    server.close();
    await stack.destroy();
  });

  const post = (path: string, body: unknown) =>
    fetch(`${url}/api/auth/phone-number/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: url },
      body: JSON.stringify(body),
    });

  it("signs up who types in the code from the phone, once, and refuses a wrong one", async () => {
    const before = new Set((await stack.inbox()).map(({ id }) => id));
    expect((await post("send-otp", { phoneNumber: to })).status).toBe(200);
    const code = await eventually("the code on the phone", async () => {
      const message = (await stack.inbox()).find(({ id }) => !before.has(id));
      return message && codeIn(message.text);
    });
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

  it("passes on what Sandi refuses", async () => {
    const answer = await post("send-otp", { phoneNumber: "12" });
    expect([answer.status, await answer.json()]).toMatchObject([400, { message: "The request is not valid" }]);
  });
});
