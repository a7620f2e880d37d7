import { createHash } from "node:crypto";
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { createSignatureCheck } from "../src/jobs/signature.ts";

const now = () => new Date(1_800_000_000_000);

describe("QStash's signature", () => {
  const url = "https://connector.example/jobs/send";
  const check = createSignatureCheck({ currentSigningKey: "current", nextSigningKey: "next" }, now);
  const sign = (
    body: string,
    { key = "current", iss = "Upstash", sub = url, from = 0, until = 300, alg = "HS256" } = {},
  ) => {
    const seconds = now().getTime() / 1000;
    return new SignJWT({ body: createHash("sha256").update(body).digest("base64url") })
      .setProtectedHeader({ alg })
      .setIssuer(iss)
      .setSubject(sub)
      .setNotBefore(seconds + from)
      .setExpirationTime(seconds + until)
      .sign(new TextEncoder().encode(key));
  };

  test.each([
    ["the current key", {}, true],
    ["the next key", { key: "next" }, true],
    ["another key", { key: "other" }, false],
    ["another issuer", { iss: "Somebody" }, false],
    ["another address", { sub: `${url}/` }, false],
    ["a time that is over", { until: -60 }, false],
    ["a time to come", { from: 60 }, false],
    ["another algorithm", { alg: "HS512" }, false],
  ])("with %s", async (_name, how, isGood) => {
    const signature = await sign("{}", how);
    expect(check(signature, url, "{}")).toBe(isGood);
    expect(check(signature, url, "{ }")).toBe(false);
  });

  test.each(["", "a.b.c", "a.b", "e30.e30.e30", "eyJhbGciOiJub25lIn0.e30."])("%o is none", (text) => {
    expect(check(text, url, "{}")).toBe(false);
  });
});
