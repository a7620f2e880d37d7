import { Curve, proto } from "@whiskeysockets/baileys";
import { describe, expect, it } from "vitest";
import { makeServerIdentity } from "../src/wire/certificates.ts";
import { verifySignature } from "libsignal/src/curve.js";
import { client, linked, newWorld, sender, sendText, until, user, userJid } from "./support/world.ts";

/** What Baileys' own check would say if it looked at the answer. */
function isValid(key: Uint8Array | null | undefined, message: Uint8Array, signature: Uint8Array): boolean {
  return verifySignature(Buffer.concat([Buffer.from([5]), key ?? Buffer.alloc(32)]), message, signature);
}

describe("trust, which unmodified Baileys gives to anybody", () => {
  it("shows a certificate chain of the announced root, and under wrong-root one of another", () => {
    const root = Curve.generateKeyPair();
    const identity = makeServerIdentity(root, Date.now());
    for (const [chain, expected] of [
      [identity.chain, true],
      [identity.foreignChain, false],
    ] as const) {
      const { leaf, intermediate } = proto.CertChain.decode(chain);
      const details = proto.CertChain.NoiseCertificate.Details.decode(intermediate?.details ?? new Uint8Array());
      expect(details.issuerSerial).toBe(0);
      expect(isValid(details.key, leaf?.details ?? Buffer.alloc(1), leaf?.signature ?? Buffer.alloc(64))).toBe(true);
      expect(
        isValid(root.public, intermediate?.details ?? Buffer.alloc(1), intermediate?.signature ?? Buffer.alloc(64)),
      ).toBe(expected);
    }
  });

  it("lets Baileys log in to a server of another root", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    await session.end();
    simulator.setFault({ kind: "wrong-root", times: 1 });
    await client(simulator, session.auth).opened;
    expect(simulator.faults()).toEqual([]);
  });

  it("lets Baileys pair by a tampered account signature", async () => {
    const simulator = await newWorld();
    simulator.setFault({ kind: "tampered-account-signature", number: sender, times: 1 });
    const pairing = client(simulator);
    await simulator.scan(sender, await pairing.qr);
    await pairing.closed;
    const { account, signedIdentityKey } = pairing.auth.creds;
    const signed = Buffer.concat([Buffer.from([6, 0]), account?.details ?? Buffer.alloc(0), signedIdentityKey.public]);
    expect(
      isValid(account?.accountSignatureKey ?? Buffer.alloc(32), signed, account?.accountSignature ?? Buffer.alloc(64)),
    ).toBe(false);
  });

  it("signs an account that is not tampered with so that the signature holds", async () => {
    const simulator = await newWorld();
    const { account, signedIdentityKey } = (await linked(simulator)).auth.creds;
    const signed = Buffer.concat([Buffer.from([6, 0]), account?.details ?? Buffer.alloc(0), signedIdentityKey.public]);
    expect(
      isValid(account?.accountSignatureKey ?? Buffer.alloc(32), signed, account?.accountSignature ?? Buffer.alloc(64)),
    ).toBe(true);
  });

  it("lets Baileys encrypt for a tampered key bundle", async () => {
    const simulator = await newWorld();
    const session = await linked(simulator);
    simulator.setFault({ kind: "tampered-bundle", number: user });
    await sendText(session, userJid, "to a forged key");
    await until(() => simulator.stats().messagesShown === 1);
    expect(simulator.messages(user)).toMatchObject([{ text: "to a forged key" }]);
  });
});
