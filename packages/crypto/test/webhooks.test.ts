import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { generateWebhookSecret, signWebhook, verifyWebhook, webhookKey, webRandom } from "../src/index.ts";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const timestamp = 1_614_265_330;
const body = '{"test": 2432232314}';
const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const now = new Date(timestamp * 1000);

const headersOf = (changed: Record<string, string> = {}) =>
  new Headers({
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signature,
    ...changed,
  });
const verify = (changed: Partial<Parameters<typeof verifyWebhook>[0]> = {}) =>
  verifyWebhook({ secrets: [secret], headers: headersOf(), body, now, ...changed });

const at = (seconds: number, toleranceSeconds = 300) =>
  verify({ now: new Date((timestamp + seconds) * 1000), toleranceSeconds });

describe("a webhook's signature", () => {
  it("is that of the specification's example", async () => {
    expect(await signWebhook({ secrets: [secret], id, timestamp, body })).toBe(signature);
    expect(await verify()).toBe(true);
  });

  it("is valid with the secret in Supabase's form", async () => {
    expect(await signWebhook({ secrets: [`v1,${secret}`], id, timestamp, body })).toBe(signature);
    expect(await verify({ secrets: [`v1,${secret}`] })).toBe(true);
  });

  it("is one for each secret during a rotation, and any of them is enough", async () => {
    const next = generateWebhookSecret(webRandom);
    const both = await signWebhook({ secrets: [next, secret], id, timestamp, body });
    expect(both.split(" ").length).toBe(2);
    // Supabase separates them with a comma as well.
    for (const header of [both, both.replace(" ", ", ")]) {
      const headers = headersOf({ "webhook-signature": header });
      expect(await verify({ headers, secrets: [secret] })).toBe(true);
      expect(await verify({ headers, secrets: [next] })).toBe(true);
      expect(await verify({ headers, secrets: [generateWebhookSecret(webRandom)] })).toBe(false);
    }
    expect(await verify({ secrets: [next, secret] })).toBe(true);
  });

  it.each([
    ["another body", { body: '{"test": 2432232315}' }],
    ["a body with a space more", { body: `${body} ` }],
    ["another id", { headers: headersOf({ "webhook-id": "msg_other" }) }],
    ["no id", { headers: headersOf({ "webhook-id": "" }) }],
    ["another time", { headers: headersOf({ "webhook-timestamp": String(timestamp + 1) }) }],
    ["no time", { headers: headersOf({ "webhook-timestamp": "" }) }],
    ["a time that is no number", { headers: headersOf({ "webhook-timestamp": `${timestamp}.0` }) }],
    ["no signature", { headers: headersOf({ "webhook-signature": "" }) }],
    ["half a signature", { headers: headersOf({ "webhook-signature": signature.slice(0, 24) }) }],
    ["another version", { headers: headersOf({ "webhook-signature": signature.replace("v1,", "v1a,") }) }],
    ["another secret", { secrets: [generateWebhookSecret(webRandom)] }],
    ["no secret", { secrets: [] }],
    ["no headers", { headers: new Headers() }],
  ])("is refused with %s", async (_, changed) => {
    expect(await verify(changed)).toBe(false);
  });

  it("is valid for five minutes before and after its time", async () => {
    expect([await at(300), await at(-300)]).toEqual([true, true]);
    expect([await at(301), await at(-301), await at(20, 10)]).toEqual([false, false, false]);
  });

  it("is the one that the library of Standard Webhooks makes and accepts", async () => {
    const moment = new Date();
    for (let round = 0; round < 20; round++) {
      const own = generateWebhookSecret(webRandom);
      const text = JSON.stringify({ round, name: "Ünïcode 🙏", bytes: [...webRandom(round)] });
      const library = new Webhook(own);
      const theirs = library.sign(id, moment, text);
      const seconds = Math.floor(moment.getTime() / 1000);
      expect(await signWebhook({ secrets: [own], id, timestamp: seconds, body: text })).toBe(theirs);
      const headers = { "webhook-id": id, "webhook-timestamp": String(seconds), "webhook-signature": theirs };
      expect(await verifyWebhook({ secrets: [own], headers: new Headers(headers), body: text, now: moment })).toBe(
        true,
      );
      expect(library.verify(text, headers)).toEqual(JSON.parse(text));
    }
  });
});

it("a new secret has 32 bytes, and any other text is refused", () => {
  expect(webhookKey(generateWebhookSecret(webRandom)).length).toBe(32);
  for (const text of ["", "whsec_", "whsec_%%", secret.slice(6), `v2,${secret}`]) {
    expect(() => webhookKey(text)).toThrow(SyntaxError);
  }
});
