import { createHmac } from "node:crypto";
import { decodeProtectedHeader, SignJWT } from "jose";
import { describe, expect, it, test } from "vitest";
import {
  atRest,
  createKeyRing,
  createQueueCheck,
  createSealer,
  createUnsealer,
  generateKeyText,
  generateSealingKeys,
  webRandom,
} from "../src/index.ts";
import { createNodeQueueCheck, createNodeUnsealer, nodeAtRest } from "../src/node/index.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const sha256 = async (text: string) => new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text)));
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");

const now = () => new Date(1_800_000_000_000);

/** A signature under the current key, whatever it says. */
const signed = (header: string, payload: string) => {
  const text = [header, payload].map((part) => base64url(utf8(part))).join(".");
  return `${text}.${createHmac("sha256", "current").update(text).digest("base64url")}`;
};

/** Each value is fixed: what one release seals, another one opens. */
const vectors = {
  sealing: {
    privateJwk: JSON.stringify({
      kty: "EC",
      x: "xQ6CUqgG5ZWhohLgQOHUgQE7tfSGXWuOaDsHUpeBcdc",
      y: "fAVsg6Twe0ow8oaN7mPTJcZEkyQIKDhvPcmjb8j0jq0",
      crv: "P-256",
      d: "rZLI3X7Ud1BSQxi0sUwSPp6ISVoWc0pGAZ2j51oYlBQ",
      kid: "seal-1",
    }),
    sealed:
      "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSIsImtpZCI6InNlYWwtMSIsImZvciI6ImNvZGUgb2YgdmVyXzEgb2Ygd3NfMSIsImVwayI6eyJ4IjoicTIzZlliZmdCNjNTdG1rVkZ4dTdaemdkcFJUVVR4WERTVlFGWnpzZXNSbyIsImNydiI6IlAtMjU2Iiwia3R5IjoiRUMiLCJ5IjoiR2hUT2JsR0ZfcE1ROEV0dE5BdEhvZzFIR3Ezd083NFVudmlCN0g2WlY1RSJ9fQ..lNx7zVCVZExjUjbN.A2k2QvFQ9Vz0eQu9ixxUYVoPxWwXEeu0MekJkrKX2WMxiApbAXoJ.gDjv9RfRknlivDkI7ymWUA",
    opened: { value: { to: "+6281200000001", code: "123456" }, purpose: "code of ver_1 of ws_1" },
  },
  atRest: {
    keys: "k1:SvUulSV82gNYz9PjbnyS3oCXYPcOx43HOisONKn4UUY",
    owner: "ses_1",
    place: { table: "credential", column: "session", id: "1.0" },
    sealed: "v1.k1.gPnpsB_U6GPmuQwy.s2uC_x5F5GkXKVQsynSy4MQOKNpW",
    plaintext: "plain",
  },
};

describe.each([
  ["WebCrypto", createUnsealer],
  ["Node", createNodeUnsealer],
])("opening with %s", (_name, unsealer) => {
  const { privateJwk, sealed, opened } = vectors.sealing;
  const open = unsealer(privateJwk);

  it("opens the fixed value", async () => {
    expect(await open(sealed)).toEqual(opened);
  });

  it("opens what a sealer sealed, with its own key only", async () => {
    const keys = await generateSealingKeys("seal-1");
    const fresh = await createSealer(keys.publicJwk, { now, random: webRandom })(opened.value, opened.purpose);
    expect(await unsealer(keys.privateJwk)(fresh)).toEqual(opened);
    await expect(open(fresh)).rejects.toThrow();
  });

  it("opens more values of the same ephemeral key, and refuses a changed one among them", async () => {
    const keys = await generateSealingKeys("seal-1");
    const seal = createSealer(keys.publicJwk, { now, random: webRandom });
    const unseal = unsealer(keys.privateJwk);
    const texts = [await seal("first", "a"), await seal("second", "b"), await seal("third", "c")];
    expect(new Set(texts.map((text) => JSON.stringify(decodeProtectedHeader(text)["epk"]))).size).toBe(1);
    const [first = "", second = "", third = ""] = texts;
    expect(await unseal(first)).toEqual({ value: "first", purpose: "a" });
    const [, ...rest] = second.split(".");
    await expect(unseal([first.split(".")[0], ...rest].join("."))).rejects.toThrow();
    expect(await unseal(second)).toEqual({ value: "second", purpose: "b" });
    expect(await unseal(third)).toEqual({ value: "third", purpose: "c" });
  });

  it("opens values of more ephemeral keys than it remembers, in any order", async () => {
    const keys = await generateSealingKeys("seal-1");
    const unseal = unsealer(keys.privateJwk);
    const sealAs = (i: number) => createSealer(keys.publicJwk, { now, random: webRandom })(i, "");
    const texts = await Promise.all(Array.from({ length: 300 }, (_, i) => sealAs(i)));
    for (const [i, text] of [...texts.entries(), ...texts.entries()]) expect((await unseal(text)).value).toBe(i);
  });

  const parts = sealed.split(".");
  const header = JSON.parse(Buffer.from(parts[0]!, "base64url").toString()) as object;
  const withHeader = (changed: object) => [base64url(utf8(JSON.stringify(changed))), ...parts.slice(1)].join(".");
  it.each([
    ["nothing", ""],
    ["no JWE", "a.b.c.d.e"],
    ["another ciphertext", [...parts.slice(0, 3), "AAAA", parts[4]].join(".")],
    ["a part too many", `${sealed}.x`],
    ["another purpose", withHeader({ ...header, for: "code of ver_2 of ws_1" })],
    ["a purpose that is no text", withHeader({ ...header, for: 1 })],
    ["another algorithm", withHeader({ ...header, alg: "dir" })],
    ["no key", withHeader({ ...header, epk: undefined })],
  ])("refuses %s", async (_what, text) => {
    await expect(open(text)).rejects.toThrow();
  });
});

describe.each([
  ["WebCrypto", atRest],
  ["Node", nodeAtRest],
])("encryption at rest with %s", (_name, make) => {
  const { keys, owner, place, sealed, plaintext } = vectors.atRest;
  const ring = createKeyRing(`${generateKeyText("k2", webRandom)},${keys}`);
  const box = make(ring, owner, webRandom);

  it("opens the fixed value, and says that an older key sealed it", async () => {
    expect(new TextDecoder().decode(await box.open(sealed, place))).toBe(plaintext);
    expect(box.isStale(sealed)).toBe(true);
  });

  it("seals values that both open", async () => {
    const fresh = await box.seal(utf8(plaintext), place);
    for (const other of [atRest(ring, owner, webRandom), nodeAtRest(ring, owner, webRandom)]) {
      expect(await other.open(fresh, place)).toEqual(utf8(plaintext));
      expect(other.isStale(fresh)).toBe(false);
    }
  });

  it("opens nothing that was moved, changed or sealed for another owner", async () => {
    const fresh = await box.seal(utf8(plaintext), place);
    await expect(box.open(fresh, { ...place, id: "2.0" })).rejects.toThrow();
    await expect(make(ring, "ses_2", webRandom).open(fresh, place)).rejects.toThrow();
    await expect(box.open(`${fresh.slice(0, -2)}${fresh.endsWith("AA") ? "BB" : "AA"}`, place)).rejects.toThrow();
    await expect(box.open(fresh.replace("v1.k2.", "v1.k9."), place)).rejects.toThrow("not configured");
    await expect(box.open("v1.k2.x", place)).rejects.toThrow();
  });
});

describe.each([
  ["WebCrypto", createQueueCheck],
  ["Node", createNodeQueueCheck],
])("QStash's signature with %s", (_name, createCheck) => {
  const url = "https://connector.example/jobs/send";
  const check = createCheck(["current", "next"], now);
  const sign = async (
    body: string,
    { key = "current", iss = "Upstash", sub = url, from = 0, until = 300, alg = "HS256" } = {},
  ) => {
    const seconds = now().getTime() / 1000;
    return new SignJWT({ body: base64url(await sha256(body)) })
      .setProtectedHeader({ alg })
      .setIssuer(iss)
      .setSubject(sub)
      .setNotBefore(seconds + from)
      .setExpirationTime(seconds + until)
      .sign(utf8(key));
  };

  test.each([
    ["the current key", {}, true],
    ["the next key", { key: "next" }, true],
    ["another key", { key: "other" }, false],
    ["another issuer", { iss: "Somebody" }, false],
    ["another address", { sub: `${url}/` }, false],
    ["a time that is over by less than the tolerance", { until: -4 }, true],
    ["a time that is over", { until: -60 }, false],
    ["a time to come", { from: 60 }, false],
    ["another algorithm", { alg: "HS512" }, false],
  ])("with %s", async (_what, how, isGood) => {
    const signature = await sign("{}", how);
    expect(await check(signature, url, "{}")).toBe(isGood);
    expect(await check(signature, url, "{ }")).toBe(false);
  });

  test.each([
    "",
    "a.b.c",
    "a.b",
    "e30.e30.e30",
    "eyJhbGciOiJub25lIn0.e30.",
    signed("null", "null"),
    signed('{"alg":"HS256"}', "null"),
    signed('{"alg":"HS256"}', "{}"),
    signed('{"alg":"HS256"}', JSON.stringify({ iss: "Upstash", sub: url, exp: "x", nbf: 0, body: "" })),
  ])("%o is none", async (text) => {
    expect(await check(text, url, "{}")).toBe(false);
  });
});
