import { describe, expect, it, vi } from "vitest";
import {
  alphanumericCode,
  base64url,
  codeMac,
  crc32,
  createKeyRing,
  generateApiKey,
  generateKeyText,
  hashApiKey,
  isWellFormedApiKey,
  inboundTokens,
  numericCode,
  pooledRandom,
  tokenMac,
  phoneHash,
  type Random,
  utf8,
  webRandom,
} from "../src/index.ts";

function fixedWords(...words: number[]): Random {
  return (size) => {
    const bytes = new Uint8Array(size);
    new DataView(bytes.buffer).setUint32(0, words.shift() ?? 0);
    return bytes;
  };
}

it("crc32 has the check value of its standard", () => {
  expect(crc32(utf8("123456789"))).toBe(0xcbf43926);
});

describe("pooledRandom", () => {
  it("returns each byte of the platform once, in arrays that share no memory", () => {
    const random = pooledRandom();
    const ids = Array.from({ length: 2_000 }, () => base64url(random(10)));
    expect(new Set(ids).size).toBe(2_000);
    const [first, second] = [random(10), random(10)];
    expect(first.byteLength).toBe(10);
    expect(first.buffer).not.toBe(second.buffer);
  });

  it("never shows its pool, which forgets what it returned", () => {
    const pools: Uint8Array[] = [];
    const draw = crypto.getRandomValues.bind(crypto);
    vi.spyOn(crypto, "getRandomValues").mockImplementation((bytes) => {
      pools.push(bytes as unknown as Uint8Array);
      return draw(bytes);
    });
    const random = pooledRandom();
    const returned = random(32);
    const [pool] = pools;
    expect(pools).toHaveLength(1);
    expect(returned.some((byte) => byte !== 0)).toBe(true);
    expect(pool?.subarray(0, 32).every((byte) => byte === 0)).toBe(true);
    expect(pool?.buffer).not.toBe(returned.buffer);
    vi.restoreAllMocks();
  });

  it("returns more bytes than its pool has, too", () => {
    expect(pooledRandom()(10_000)).toHaveLength(10_000);
  });
});

describe("numericCode", () => {
  it("keeps leading zeros", () => {
    expect(numericCode(6, fixedWords(42))).toBe("000042");
  });

  it("draws again above the largest multiple of 10^n, so that all codes are equally likely", () => {
    const limit = 2 ** 32 - (2 ** 32 % 1_000_000);
    expect(numericCode(6, fixedWords(limit, 7))).toBe("000007");
    expect(numericCode(6, fixedWords(limit - 1))).toBe("999999");
  });

  it("reaches every digit at every place", () => {
    const seen = Array.from({ length: 6 }, () => new Set<string>());
    for (let i = 0; i < 2_000; i++)
      numericCode(6, webRandom)
        .split("")
        .forEach((digit, place) => seen[place]?.add(digit));
    expect(seen.map((digits) => digits.size)).toEqual([10, 10, 10, 10, 10, 10]);
  });

  it.each([3, 9, 5.5])("refuses %s digits", (digits) => {
    expect(() => numericCode(digits, webRandom)).toThrow(RangeError);
  });
});

describe("codeMac", () => {
  const current = generateKeyText("b", webRandom);
  const previous = generateKeyText("a", webRandom);
  const input = { verificationId: "ver_1", code: "123456", bind: "" };

  it("differs by pepper, by verification and by code, and repeats for the same", async () => {
    const ring = createKeyRing(current);
    const [mac] = await codeMac(ring, input);
    expect(await codeMac(ring, input)).toEqual([mac]);
    expect(await codeMac(ring, { ...input, code: "123457" })).not.toEqual([mac]);
    expect(await codeMac(ring, { ...input, verificationId: "ver_2" })).not.toEqual([mac]);
    expect(await codeMac(ring, { ...input, bind: '{"amount":"1"}' })).not.toEqual([mac]);
    expect(await codeMac(createKeyRing(previous), input)).not.toEqual([mac]);
  });

  it("treats small letters as capitals", async () => {
    const ring = createKeyRing(current);
    expect(await codeMac(ring, { ...input, code: "ac3d7x" })).toEqual(
      await codeMac(ring, { ...input, code: "AC3D7X" }),
    );
  });

  it("is HMAC-SHA-256 over the fields with zero bytes between them", async () => {
    const { bytes } = createKeyRing(current).current;
    const bound = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode("b")));
    const head = new TextEncoder().encode("otp.v1\0ver_1\x00123456\0");
    const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const mac = await crypto.subtle.sign("HMAC", key, new Uint8Array([...head, ...bound]));
    const expected = base64url(new Uint8Array(mac));
    expect(await codeMac(createKeyRing(current), { ...input, bind: "b" })).toEqual([expected]);
  });

  it("accepts a code that was made under the previous pepper", async () => {
    const [old] = await codeMac(createKeyRing(previous), input);
    expect((await codeMac(createKeyRing(`${current},${previous}`), input))[1]).toBe(old);
  });
});

describe("inbound tokens", () => {
  const [previous, current] = [generateKeyText("a", webRandom), generateKeyText("b", webRandom)];

  it("have 65 bits in Crockford's alphabet, one per verification, and are found by their MAC", async () => {
    const ring = createKeyRing(current);
    const [first] = await inboundTokens(ring, "ver_1");
    const [second] = await inboundTokens(ring, "ver_2");
    expect(first?.token).toMatch(/^[0-9A-HJKMNP-TV-Z]{13}$/);
    expect(second?.token).not.toBe(first?.token);
    expect(await tokenMac(ring, first?.token ?? "")).toEqual([first?.mac]);
  });

  it("stay valid after a rotation of the pepper", async () => {
    const [old] = await inboundTokens(createKeyRing(previous), "ver_1");
    const rotated = createKeyRing(`${current},${previous}`);
    expect(await inboundTokens(rotated, "ver_1")).toContainEqual(old);
    expect(await tokenMac(rotated, old?.token ?? "")).toContain(old?.mac);
  });
});

describe("alphanumericCode", () => {
  it("has no look-alikes and uses every character of its alphabet", () => {
    const codes = Array.from({ length: 2_000 }, () => alphanumericCode(8, webRandom));
    expect(new Set(codes.join("")).size).toBe(22);
    expect(codes.join("")).not.toMatch(/[01258OQILZSBUV]/);
    expect(codes.every((code) => code.length === 8)).toBe(true);
  });
});

describe("phoneHash", () => {
  it("differs between workspaces, so that none can look up the numbers of another", async () => {
    const ring = createKeyRing(generateKeyText("a", webRandom));
    expect(await phoneHash(ring, "ws_1", "+6281234567890")).not.toBe(await phoneHash(ring, "ws_2", "+6281234567890"));
  });
});

describe("createKeyRing", () => {
  it.each(["", "a", "a:short", "a:!!!", "a b:AAAA"])("refuses %j without showing it", (text) => {
    expect(() => createKeyRing(text)).toThrow(/key/);
  });

  it("refuses one id twice", () => {
    const key = generateKeyText("a", webRandom);
    expect(() => createKeyRing(`${key},${key}`)).toThrow("is there twice");
  });
});

describe("API keys", () => {
  it("are well formed, carry their environment and are stored as a hash", async () => {
    const { key, hash, prefix } = await generateApiKey("live", webRandom);
    expect(key).toMatch(/^sandi_live_[0-9A-Za-z]{36}$/);
    expect(isWellFormedApiKey(key)).toBe(true);
    expect(await hashApiKey(key)).toBe(hash);
    expect(key.slice("sandi_live_".length)).toContain(prefix);
  });

  it("are refused when a single character is changed", async () => {
    const { key } = await generateApiKey("test", webRandom);
    for (let at = "sandi_test_".length; at < key.length; at++) {
      const other = key.charAt(at) === "x" ? "y" : "x";
      expect(isWellFormedApiKey(key.slice(0, at) + other + key.slice(at + 1))).toBe(false);
    }
  });
});
