import { randomUUID } from "node:crypto";
import type { CreatedSupabaseHook } from "@sandi/contracts";
import { signWebhook } from "@sandi/crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually, startTestStack, type TestStack } from "../src/harness.ts";

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack.destroy());

const isCode = ({ text }: { text: string }) => text.includes("5611667788") && text.includes("Acme");

it("a code that Supabase Auth made is shown on the user's phone", async () => {
  const hook = await stack.api<CreatedSupabaseHook>("POST /v1/hooks/supabase", { name: "Test", companyName: "Acme" });
  expect([hook.status, hook.body.url]).toEqual([201, `${stack.apiUrl}/v1/hooks/supabase/${hook.body.id}`]);
  const body = JSON.stringify({
    user: { id: randomUUID(), aud: "authenticated", phone: "6281300000099", app_metadata: {} },
    sms: { otp: "5611667788", phone: stack.local.userPhone?.slice(1) },
    metadata: { ip_address: "203.0.113.7" },
  });
  const deliver = async () => {
    const [id, timestamp] = [randomUUID(), Math.floor(Date.now() / 1000)];
    const signature = await signWebhook({ secrets: [hook.body.secret ?? ""], id, timestamp, body });
    return fetch(hook.body.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": String(timestamp),
        "webhook-signature": signature,
      },
      body,
    });
  };
  const answer = await deliver();
  expect([answer.status, await answer.text()]).toEqual([200, "{}"]);
  await eventually("the code on the phone", async () => (await stack.inbox()).some(isCode));
  expect(await (await deliver()).text()).toBe("{}");
  expect((await stack.inbox()).filter(isCode).length).toBe(1);
  expect(stack.lines.join("\n")).not.toContain("5611667788");
});
