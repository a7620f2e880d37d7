import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { signWebhook, verifyWebhook } from "../src/index.ts";

interface Vector {
  name: string;
  secrets: string[];
  id: string;
  timestamp: number;
  body: string;
  signature: string;
}

const file = new URL("../../contracts/fixtures/webhook-signatures.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vector[];
const headersOf = ({ id, timestamp, signature }: Vector) => ({
  "webhook-id": id,
  "webhook-timestamp": String(timestamp),
  "webhook-signature": signature,
});

describe("the signature of each vector", () => {
  it.each(vectors)("is the one that we make: $name", async ({ signature, ...input }) => {
    expect(await signWebhook(input)).toBe(signature);
  });

  it.each(vectors)("is valid with each secret alone, and with no other: $name", async (vector) => {
    const { secrets, body, timestamp } = vector;
    const verify = (one: string[]) =>
      verifyWebhook({ secrets: one, headers: new Headers(headersOf(vector)), body, now: new Date(timestamp * 1000) });
    for (const secret of secrets) expect(await verify([secret])).toBe(true);
    const others = vectors.flatMap((each) => each.secrets).filter((secret) => !secrets.includes(secret));
    expect(others.length).toBeGreaterThan(0);
    expect(await verify(others)).toBe(false);
  });

  it.each(vectors)("is the one that the library of Standard Webhooks makes: $name", (vector) => {
    const { secrets, id, timestamp, body, signature } = vector;
    const signed = secrets.map((secret) => new Webhook(secret).sign(id, new Date(timestamp * 1000), body));
    expect(signed.join(" ")).toBe(signature);
  });

  it("is in five cases: the specification's, an event's, a repetition's, beyond ASCII, and of two secrets", () => {
    expect(vectors).toHaveLength(5);
    expect(vectors[0]).toMatchObject({
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
    expect(vectors.map(({ secrets }) => secrets.length)).toEqual([1, 1, 1, 1, 2]);
    // oxlint-disable-next-line no-control-regex -- every character beyond ASCII
    expect(vectors.some(({ body }) => /[^\u0000-\u007f]/.test(body))).toBe(true);
  });
});

describe("the library of Standard Webhooks", () => {
  const now = new Date();

  it.each(vectors)("accepts what we sign now: $name", async ({ secrets, id, body }) => {
    const timestamp = Math.floor(now.getTime() / 1000);
    const signature = await signWebhook({ secrets, id, timestamp, body });
    for (const secret of secrets) {
      const headers = headersOf({ name: "", secrets, id, timestamp, body, signature });
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    }
  });
});
