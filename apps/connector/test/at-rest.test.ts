import {
  atRest,
  createKeyRing,
  createSealer,
  createUnsealer,
  generateKeyText,
  generateSealingKeys,
  webRandom,
} from "@sandi/crypto";
import { describe, expect, test } from "vitest";
import { createNodeUnsealer } from "../src/jobs/unseal.ts";
import { nodeAtRest } from "../src/store/at-rest.ts";

describe("sealing on Node's own cipher", () => {
  const ring = createKeyRing(`${generateKeyText("k2", webRandom)},${generateKeyText("k1", webRandom)}`);
  const context = { table: "credential", column: "session", id: "1.0" };
  const text = new TextEncoder().encode("plain");

  test("is packages/crypto's, value for value", async () => {
    const [theirs, ours] = [atRest(ring, "ses_1", webRandom), nodeAtRest(ring, "ses_1", webRandom)];
    expect(await ours.open(await theirs.seal(text, context), context)).toEqual(text);
    expect(await theirs.open(await ours.seal(text, context), context)).toEqual(text);
    expect(ours.isStale(await theirs.seal(text, context))).toBe(false);
  });

  test("opens nothing that was moved, changed or sealed for another", async () => {
    const ours = nodeAtRest(ring, "ses_1", webRandom);
    const sealed = await ours.seal(text, context);
    await expect(ours.open(sealed, { ...context, id: "2.0" })).rejects.toThrow();
    await expect(nodeAtRest(ring, "ses_2", webRandom).open(sealed, context)).rejects.toThrow();
    await expect(ours.open(`${sealed.slice(0, -2)}${sealed.endsWith("AA") ? "BB" : "AA"}`, context)).rejects.toThrow();
    await expect(ours.open(sealed.replace("v1.k2.", "v1.k9."), context)).rejects.toThrow("not configured");
    await expect(ours.open("v1.k2.x", context)).rejects.toThrow();
  });

  test("what the edge seals is opened, and nothing else", async () => {
    const { publicJwk, privateJwk } = await generateSealingKeys("seal-1");
    const sealed = await createSealer(publicJwk)({ to: "+6281200000001", code: "123456" }, "code of a");
    const open = createNodeUnsealer(privateJwk);
    expect(await open(sealed)).toEqual(await createUnsealer(privateJwk)(sealed));
    const stranger = await generateSealingKeys("seal-2");
    await expect(createNodeUnsealer(stranger.privateJwk)(sealed)).rejects.toThrow();
    const parts = sealed.split(".");
    for (const bad of ["", "a.b.c.d.e", [...parts.slice(0, 3), "AAAA", parts[4]].join("."), `${sealed}.x`]) {
      await expect(open(bad)).rejects.toThrow();
    }
  });
});
