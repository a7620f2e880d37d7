import { describe, expect, test } from "vitest";
import { readConfig } from "../src/config.ts";
import { makeKeys } from "./support/fake-edge.ts";

describe("configuration", async () => {
  const keys = await makeKeys();
  const good = {
    PUBLIC_URL: "http://127.0.0.1:8080/",
    EDGE_URL: "https://edge.example",
    LIBSQL_URL: "file:connector.db",
    STORE_KEYS: keys.store,
    CONNECTOR_TOKEN_PRIVATE_KEY: keys.connector.privateJwk,
    EDGE_TOKEN_PUBLIC_KEY: keys.edge.publicJwk,
    CONNECTOR_SEAL_PRIVATE_KEY: keys.sealing.privateJwk,
    QSTASH_CURRENT_SIGNING_KEY: "a",
    QSTASH_NEXT_SIGNING_KEY: "b",
  };

  test("has defaults for optional variables", () => {
    expect(readConfig(good, "my.host")).toMatchObject({
      host: "127.0.0.1",
      port: 8080,
      metricsPort: 0,
      connectorId: "my-host",
      publicUrl: "http://127.0.0.1:8080",
      leaseMs: 15_000,
      sessionCapacity: 500,
      whatsapp: { wsUrl: "wss://web.whatsapp.com/ws/chat", rootKey: undefined, isSimulated: false },
    });
    expect(readConfig({ ...good, FLY_MACHINE_ID: "m1" }, "h").connectorId).toBe("m1");
    expect(readConfig({ ...good, FLY_MACHINE_ID: "m1", CONNECTOR_ID: "c1" }, "h").connectorId).toBe("c1");
  });

  test.each([
    [{}, "http://127.0.0.1:8080"],
    [{ HOST: "::1", PORT: "81" }, "http://[::1]:81"],
    [{ HOST: "::", FLY_MACHINE_ID: "m1", FLY_APP_NAME: "sandi" }, "http://m1.vm.sandi.internal:8080"],
    [{ FLY_MACHINE_ID: "m1", FLY_APP_NAME: "sandi", INTERNAL_URL: "http://10.0.0.1:80/" }, "http://10.0.0.1:80"],
  ])("knows where the other connectors reach this one (%j)", (environment, url) => {
    expect(readConfig({ ...good, ...environment }, "h").internalUrl).toBe(url);
  });

  test.each([
    [{ PUBLIC_URL: "" }, "PUBLIC_URL: is missing"],
    [{ EDGE_URL: "ftp://x" }, "EDGE_URL: must be an http or https URL"],
    [{ PORT: "http" }, "PORT: "],
    [{ METRICS_PORT: "70000" }, "METRICS_PORT: "],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector" }, "OTEL_EXPORTER_OTLP_ENDPOINT: must be an http or https URL"],
    [{ OTEL_EXPORTER_OTLP_HEADERS: "secret-text" }, "OTEL_EXPORTER_OTLP_HEADERS: must read name=value"],
    [{ OTEL_TRACES_SAMPLER_ARG: "2" }, "OTEL_TRACES_SAMPLER_ARG: "],
    [{ LIBSQL_URL: "postgres://x" }, "LIBSQL_URL: must start with file:"],
    [{ STORE_KEYS: "secret-text" }, "STORE_KEYS: must read kid:base64url"],
    [
      { CONNECTOR_TOKEN_PRIVATE_KEY: keys.edge.publicJwk },
      "CONNECTOR_TOKEN_PRIVATE_KEY: must be an Ed25519 private JWK",
    ],
    [{ EDGE_TOKEN_PUBLIC_KEY: keys.edge.privateJwk }, "EDGE_TOKEN_PUBLIC_KEY: must be an Ed25519 public JWK"],
    [
      { CONNECTOR_SEAL_PRIVATE_KEY: keys.connector.privateJwk },
      "CONNECTOR_SEAL_PRIVATE_KEY: must be a P-256 private JWK",
    ],
    [{ WHATSAPP_WS_URL: "nonsense" }, "WHATSAPP_WS_URL: must be a ws or wss URL"],
    [{ WHATSAPP_WS_URL: "wss://example.com/ws" }, "WHATSAPP_WS_URL: must be wss://web.whatsapp.com or on loopback"],
    [{ WHATSAPP_WS_URL: "ws://web.whatsapp.com/ws" }, "WHATSAPP_WS_URL: must be wss://web.whatsapp.com or on loopback"],
    [
      { WHATSAPP_WS_URL: "ws://127.0.0.1.example.com/" },
      "WHATSAPP_WS_URL: must be wss://web.whatsapp.com or on loopback",
    ],
    [{ WHATSAPP_ROOT_KEY: "ab".repeat(32) }, "WHATSAPP_ROOT_KEY: is for a loopback WHATSAPP_WS_URL only"],
    [{ WHATSAPP_WS_URL: "ws://127.0.0.1:1", WHATSAPP_ROOT_KEY: "abc" }, "WHATSAPP_ROOT_KEY: must be 32 bytes in hex"],
  ])("refuses %o by name", (change, message) => {
    const environment = { ...good, ...change };
    const values = Object.values(change).filter((value) => value.length > 3);
    let said = "";
    try {
      readConfig(environment, "h");
    } catch (error) {
      said = String(error);
    }
    expect(said).toContain(message);
    expect(values.filter((value) => !message.includes(value) && said.includes(value))).toEqual([]);
  });

  const texts: Record<string, string> = {
    ...good,
    INTERNAL_URL: "http://10.0.0.1",
    LIBSQL_AUTH_TOKEN: "token-of-libsql",
    QSTASH_CURRENT_SIGNING_KEY: "signing-current",
    QSTASH_NEXT_SIGNING_KEY: "signing-next",
    WHATSAPP_WS_URL: "wss://web.whatsapp.com/ws/chat",
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example.com",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer 1,team=a",
  };

  test.each(Object.keys(texts))("names %s with quotes, line breaks or spaces around it, and not its value", (name) => {
    const value = texts[name] ?? "";
    const isKey = /STORE_KEYS|_TOKEN_P|_SEAL_/.test(name);
    for (const [text, flaw] of [
      [`"${value}"`, "has quotes around it"],
      [`'${value}'\n`, "has quotes around it"],
      // Spaces around JWKs and key rings are of no account.
      ...(isKey ? [] : [[`${value}\n`, "has a line break in it"]]),
      ...(isKey ? [] : [[` ${value}`, "has a space before or behind it"]]),
    ]) {
      const read = () => readConfig({ ...texts, [name]: text }, "h");
      expect(read).toThrow(`${name}: ${flaw}`);
      expect(read).not.toThrow(value);
    }
    expect(() => readConfig(texts, "h")).not.toThrow();
    expect(readConfig({ ...texts, LIBSQL_URL: "file:/My Files/a.db" }, "h").database.url).toBe("file:/My Files/a.db");
  });

  test("takes another root key for a simulated WhatsApp on loopback", () => {
    const simulated = { WHATSAPP_WS_URL: "ws://127.0.0.1:9/ws/chat", WHATSAPP_ROOT_KEY: "ab".repeat(32) };
    expect(readConfig({ ...good, ...simulated }, "h").whatsapp).toMatchObject({ isSimulated: true });
  });
});
