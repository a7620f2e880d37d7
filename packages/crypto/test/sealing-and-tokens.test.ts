import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import {
  atRest,
  createKeyRing,
  createSealer,
  createTokenSigner,
  createTokenVerifier,
  createUnsealer,
  generateKeyText,
  generateSealingKeys,
  generateTokenKeys,
  hashPassword,
  signLink,
  verifyLink,
  verifyPassword,
  webRandom,
} from "../src/index.ts";
import { createNodeTokenSigner } from "../src/node/index.ts";
import { iterationsPerRound } from "../src/passwords.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

const ephemeralKey = (sealed: string) => JSON.stringify(decodeProtectedHeader(sealed)["epk"]);
const ivOf = (sealed: string) => sealed.split(".")[2];

describe("sealing", () => {
  const start = new Date("2026-11-21T08:00:00Z");
  const clock = { now: () => start, random: webRandom };
  it("opens with the private key only", async () => {
    const ours = await generateSealingKeys("a");
    const theirs = await generateSealingKeys("b");
    const sealed = await createSealer(ours.publicJwk, clock)({ to: "+62812", code: "123456" }, "code of a");
    expect(sealed).not.toContain("123456");
    expect(await createUnsealer(ours.privateJwk)(sealed)).toEqual({
      value: { to: "+62812", code: "123456" },
      purpose: "code of a",
    });
    await expect(createUnsealer(theirs.privateJwk)(sealed)).rejects.toThrow();
  });

  it("refuses a changed text", async () => {
    const { publicJwk, privateJwk } = await generateSealingKeys("a");
    const sealed = await createSealer(publicJwk, clock)({ code: "123456" }, "code of a");
    const changed = sealed.slice(0, -2) + (sealed.endsWith("AA") ? "BB" : "AA");
    await expect(createUnsealer(privateJwk)(changed)).rejects.toThrow();
  });

  it("agrees another key each minute and after each thousand values", async () => {
    const { publicJwk, privateJwk } = await generateSealingKeys("a");
    let now = start;
    const seal = createSealer(publicJwk, { now: () => now, random: webRandom });
    const first = await seal(1, "");
    now = new Date(start.getTime() + 59_999);
    const values = await Promise.all(Array.from({ length: 999 }, (_, i) => seal(i, "")));
    expect(new Set([first, ...values].map(ephemeralKey)).size).toBe(1);
    expect(new Set([first, ...values].map(ivOf)).size).toBe(1_000);
    const afterThousand = await seal("afterThousand", "");
    expect(ephemeralKey(afterThousand)).not.toBe(ephemeralKey(first));
    now = new Date(now.getTime() + 60_000);
    const afterMinute = await seal("afterMinute", "");
    expect(ephemeralKey(afterMinute)).not.toBe(ephemeralKey(afterThousand));
    const unseal = createUnsealer(privateJwk);
    expect(await Promise.all([first, afterThousand, afterMinute].map(unseal))).toMatchObject([
      { value: 1 },
      { value: "afterThousand" },
      { value: "afterMinute" },
    ]);
  });

  it("counts each value once when many are sealed at the same time", async () => {
    const { publicJwk } = await generateSealingKeys("a");
    const seal = createSealer(publicJwk, clock);
    const first = await seal(0, "");
    const values = [first, ...(await Promise.all(Array.from({ length: 1_010 }, (_, i) => seal(i, ""))))];
    const counts = [...Map.groupBy(values, ephemeralKey).values()].map(({ length }) => length);
    expect(Math.max(...counts)).toBe(1_000);
  });

  it("never shows a key that it cannot read", () => {
    expect(() => createUnsealer("secret-material")).toThrow(/^(?!.*secret-material)/);
  });
});

describe("encryption at rest", () => {
  const place = { table: "credential", column: "value", id: "creds" };
  const old = generateKeyText("k1", webRandom);
  const current = generateKeyText("k2", webRandom);

  it("opens in its own place and nowhere else", async () => {
    const box = atRest(createKeyRing(current), "ses_1", webRandom);
    const sealed = await box.seal(utf8("secret"), place);
    expect(sealed).toMatch(/^v1\.k2\./);
    expect(new TextDecoder().decode(await box.open(sealed, place))).toBe("secret");
    await expect(box.open(sealed, { ...place, id: "other" })).rejects.toThrow();
    await expect(box.open(sealed, { ...place, column: "other" })).rejects.toThrow();
    await expect(atRest(createKeyRing(current), "ses_2", webRandom).open(sealed, place)).rejects.toThrow();
  });

  it("opens what an older key sealed and says that it is stale", async () => {
    const sealed = await atRest(createKeyRing(old), "ses_1", webRandom).seal(utf8("secret"), place);
    const box = atRest(createKeyRing(`${current},${old}`), "ses_1", webRandom);
    expect(new TextDecoder().decode(await box.open(sealed, place))).toBe("secret");
    expect(box.isStale(sealed)).toBe(true);
    await expect(atRest(createKeyRing(current), "ses_1", webRandom).open(sealed, place)).rejects.toThrow("k1");
  });
});

describe("passwords", () => {
  it("stay below Cloudflare's limit for one call, which local workerd does not enforce", () => {
    expect(iterationsPerRound).toBeLessThanOrEqual(100_000);
  });

  it("match themselves only", async () => {
    const stored = await hashPassword("correct horse", webRandom);
    expect(await verifyPassword("correct horse", stored)).toEqual({ ok: true, needsRehash: false });
    expect(await verifyPassword("wrong horse", stored)).toEqual({ ok: false, needsRehash: false });
    expect(await verifyPassword("correct horse", "nonsense")).toEqual({ ok: false, needsRehash: false });
  });
});

describe.each([
  ["WebCrypto", createTokenSigner],
  ["Node", createNodeTokenSigner],
])("service tokens signed with %s", (_name, createSigner) => {
  const request = { method: "POST", path: "/internal/events", body: '{"events":[]}' };
  const at = new Date("2026-11-21T08:00:00Z");
  const names = { issuer: "sandi-connector", audience: "sandi-edge" };

  async function pair() {
    const { publicJwk, privateJwk } = await generateTokenKeys("c1");
    const sign = createSigner({ ...names, privateJwk, now: () => at, random: webRandom });
    const verifyAt = (now: Date, options = names) => createTokenVerifier({ ...options, publicJwk, now: () => now });
    return { sign, verifyAt };
  }

  it("are valid for their request, once each by their jti", async () => {
    const { sign, verifyAt } = await pair();
    const first = await verifyAt(at)(await sign(request), request);
    const second = await verifyAt(at)(await sign(request), request);
    expect(first.jti).not.toBe(second.jti);
    expect(first.expiresAt).toEqual(new Date(at.getTime() + 60_000));
  });

  it.each([
    ["another method", { ...request, method: "PUT" }],
    ["another path", { ...request, path: "/internal/messages/claim" }],
    ["another body", { ...request, body: "{}" }],
  ])("are refused for %s", async (_what, other) => {
    const { sign, verifyAt } = await pair();
    await expect(verifyAt(at)(await sign(request), other)).rejects.toThrow("another request");
  });

  it("are refused when stale, for another audience, or signed by another key", async () => {
    const { sign, verifyAt } = await pair();
    const token = await sign(request);
    await expect(verifyAt(new Date(at.getTime() + 70_000))(token, request)).rejects.toThrow();
    await expect(verifyAt(at, { ...names, audience: "somebody" })(token, request)).rejects.toThrow();
    await expect((await pair()).verifyAt(at)(token, request)).rejects.toThrow();
  });

  it("are refused under another algorithm, whatever their header says", async () => {
    const { verifyAt } = await pair();
    const { privateKey } = await generateKeyPair("ES256");
    const forged = await new SignJWT({ method: "POST" })
      .setProtectedHeader({ alg: "ES256", kid: "c1" })
      .sign(privateKey);
    await expect(verifyAt(at)(forged, request)).rejects.toThrow();
  });
});

it("service tokens of both signers have the same header and claims", async () => {
  const { privateJwk } = await generateTokenKeys("c1");
  const at = new Date("2026-11-21T08:00:00Z");
  const options = { privateJwk, issuer: "sandi-connector", audience: "sandi-edge", now: () => at };
  const request = { method: "post", path: "/internal/events", body: '{"text":"é€😀"}' };
  const tokens = await Promise.all(
    [createTokenSigner, createNodeTokenSigner].map((create) =>
      create({ ...options, random: (size) => new Uint8Array(size) })(request),
    ),
  );
  const [webCrypto, node] = tokens.map((token) => [decodeProtectedHeader(token), decodeJwt(token)]);
  expect(node).toEqual(webCrypto);
});

describe("links", () => {
  const keys = createKeyRing(generateKeyText("l1", webRandom));
  const at = new Date("2026-11-21T08:00:00Z");
  const later = new Date(at.getTime() + 600_000);

  it("open their own path until they expire", async () => {
    const signature = await signLink(keys, "/v1/sessions/ses_1/qr-page", later);
    expect(await verifyLink(keys, "/v1/sessions/ses_1/qr-page", signature, at)).toBe(true);
    expect(await verifyLink(keys, "/v1/sessions/ses_2/qr-page", signature, at)).toBe(false);
    expect(await verifyLink(keys, "/v1/sessions/ses_1/qr-page", signature, later)).toBe(false);
  });

  it("are refused when any single character is changed, the last one too", async () => {
    const signature = await signLink(keys, "/page", later);
    for (let i = signature.indexOf(".") + 1; i < signature.length; i++) {
      for (const other of "ABCDE") {
        if (signature[i] === other) continue;
        const changed = signature.slice(0, i) + other + signature.slice(i + 1);
        expect(await verifyLink(keys, "/page", changed, at)).toBe(false);
      }
    }
  });

  it("cannot be prolonged", async () => {
    const signature = await signLink(keys, "/page", later);
    const [, mac] = signature.split(".");
    expect(await verifyLink(keys, "/page", `99999999999.${mac}`, at)).toBe(false);
    expect(await verifyLink(keys, "/page", "nonsense", at)).toBe(false);
  });
});
