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

  it("allows alerts to this machine only if the edge runs on it", () => {
    const local = { ...good, ALLOW_LOCAL_TARGETS: "1" };
    expect(() => parseConfig(local)).toThrow("ALLOW_LOCAL_TARGETS");
    expect(() => parseConfig({ ...local, PUBLIC_URL: "http://127.0.0.1.example.com" })).toThrow("ALLOW_LOCAL_TARGETS");
    expect(parseConfig({ ...local, PUBLIC_URL: "http://127.0.0.1:8787" }).ALLOW_LOCAL_TARGETS).toBe("1");
    expect(parseConfig(good).ALLOW_LOCAL_TARGETS).toBeUndefined();
  });

  it.each(Object.keys(good))("is refused with the name of %s and without any value", (name) => {
    for (const value of [undefined, "", "sécret value"]) {
      const env = { ...good, [name]: value };
      expect(() => parseConfig(env)).toThrow(name);
      expect(() => parseConfig(env)).not.toThrow("sécret");
    }
  });
});

const optional = {
  LIBSQL_AUTH_TOKEN: "token-of-libsql",
  QSTASH_URL: "https://qstash.example.com",
  TELEGRAM_API_URL: "https://telegram.example.com",
  BOOTSTRAP_TOKEN: "a-token-of-more-than-32-characters",
  OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example.com",
  OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer 1,team=a",
};
const all: Record<string, string> = { ...good, ...optional };
const isKey = /_KEYS?$|_PEPPERS?$/;

describe("a variable with what a copied line leaves around it", () => {
  it("is taken without", () => {
    expect(() => parseConfig(all)).not.toThrow();
  });

  it.each(Object.keys(all))("%s is named, with what is wrong and without its value", (name) => {
    const value = all[name] ?? "";
    const wrong: [text: string, message: string][] = [
      [`"${value}"`, "has quotes around it"],
      [`'${value}'`, "has quotes around it"],
      [`\u201c${value}\u201d`, "has quotes around it"],
      [`"${value}"\n`, "has quotes around it"],
    ];
    // Spaces around JWKs and key rings are of no account.
    if (!isKey.test(name) || name.includes("SIGNING")) {
      wrong.push([`${value}\n`, "has a line break in it"], [`${value}\r\n`, "has a line break in it"]);
      wrong.push([` ${value}`, "has a space before or behind it"], [`${value}\t`, "has a space before or behind it"]);
    }
    for (const [text, message] of wrong) {
      expect(() => parseConfig({ ...all, [name]: text })).toThrow(`${name}: ${message}`);
      expect(() => parseConfig({ ...all, [name]: text })).not.toThrow(value);
    }
  });

  it.each(["QSTASH_TOKEN", "UPSTASH_REDIS_REST_TOKEN", "LIBSQL_AUTH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY"])(
    "%s holds no spaces and nothing that a header cannot carry",
    (name) => {
      expect(() => parseConfig({ ...all, [name]: "Bearer abc" })).toThrow(`${name}: has a space in it`);
      expect(() => parseConfig({ ...all, [name]: "abc\u200b" })).toThrow(`${name}: has a character in it`);
    },
  );
});
