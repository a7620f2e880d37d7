import { generateKeyText, generateSealingKeys, generateTokenKeys, webRandom } from "@sandi/crypto";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.ts";

const tokens = await generateTokenKeys("a");
const sealing = await generateSealingKeys("a");
const good = {
  PUBLIC_URL: "https://api.test/",
  CONNECTOR_URL: "http://127.0.0.1:8788",
  LIBSQL_URL: "libsql://db.turso.io",
  UPSTASH_REDIS_REST_URL: "https://redis.test",
  UPSTASH_REDIS_REST_TOKEN: "token-redis",
  QSTASH_TOKEN: "token-qstash",
  QSTASH_CURRENT_SIGNING_KEY: "sig-current",
  QSTASH_NEXT_SIGNING_KEY: "sig-next",
  OTP_PEPPERS: generateKeyText("a", webRandom),
  PHONE_PEPPER: generateKeyText("a", webRandom),
  LINK_KEYS: generateKeyText("a", webRandom),
  AT_REST_KEYS: generateKeyText("a", webRandom),
  PROOF_PRIVATE_KEY: tokens.privateJwk,
  EDGE_TOKEN_PRIVATE_KEY: tokens.privateJwk,
  CONNECTOR_TOKEN_PUBLIC_KEY: tokens.publicJwk,
  CONNECTOR_SEAL_PUBLIC_KEY: sealing.publicJwk,
};

describe("the configuration", () => {
  it("is taken with its defaults", () => {
    const config = parseConfig(good);
    expect([config.PUBLIC_URL, config.QSTASH_URL]).toEqual(["https://api.test", "https://qstash.upstash.io"]);
    expect([config.CRON_ROUNDS, parseConfig({ ...good, CRON_ROUNDS: "60" }).CRON_ROUNDS]).toEqual([5, 60]);
    expect(() => parseConfig({ ...good, CRON_ROUNDS: "0" })).toThrow("CRON_ROUNDS");
  });

  it("lets alerts go to this machine only where the edge is on it", () => {
    const local = { ...good, ALLOW_LOCAL_TARGETS: "1" };
    expect(() => parseConfig(local)).toThrow("ALLOW_LOCAL_TARGETS");
    expect(() => parseConfig({ ...local, PUBLIC_URL: "http://127.0.0.1.example.com" })).toThrow("ALLOW_LOCAL_TARGETS");
    expect(parseConfig({ ...local, PUBLIC_URL: "http://127.0.0.1:8787" }).ALLOW_LOCAL_TARGETS).toBe("1");
    expect(parseConfig(good).ALLOW_LOCAL_TARGETS).toBeUndefined();
  });

  it.each(Object.keys(good))("is refused with the name of %s and without any value", (name) => {
    for (const value of [undefined, "", "sécret value"]) {
      const env = { ...good, [name]: value };
      if (/_TOKEN$|_SIGNING_KEY$/.test(name) && value?.startsWith("s") === true) continue;
      expect(() => parseConfig(env)).toThrow(name);
      expect(() => parseConfig(env)).not.toThrow("sécret");
    }
  });
});
