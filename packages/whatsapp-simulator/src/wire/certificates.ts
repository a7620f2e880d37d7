import { Curve, type KeyPair, proto } from "@whiskeysockets/baileys";

/** The certificate chain of the handshake: the server's static key, signed by the root. */
export interface ServerIdentity {
  root: KeyPair;
  staticKey: KeyPair;
  chain: Buffer;
  /** The same, but signed by a root that was not announced. */
  foreignChain: Buffer;
}

export function makeServerIdentity(root: KeyPair, nowMs: number): ServerIdentity {
  const staticKey = Curve.generateKeyPair();
  return {
    root,
    staticKey,
    chain: signChain(root, staticKey, nowMs),
    foreignChain: signChain(Curve.generateKeyPair(), staticKey, nowMs),
  };
}

function signChain(root: KeyPair, staticKey: KeyPair, nowMs: number): Buffer {
  const { Details } = proto.CertChain.NoiseCertificate;
  const intermediate = Curve.generateKeyPair();
  const validity = {
    notBefore: Math.floor(nowMs / 1000) - 86_400,
    notAfter: Math.floor(nowMs / 1000) + 10 * 365 * 86_400,
  };
  const leafDetails = Details.encode({ serial: 2, issuerSerial: 1, key: staticKey.public, ...validity }).finish();
  // Clients accept an intermediate only with the root's serial, which is 0.
  const details = Details.encode({ serial: 1, issuerSerial: 0, key: intermediate.public, ...validity }).finish();
  const chain = proto.CertChain.encode({
    leaf: { details: leafDetails, signature: Curve.sign(intermediate.private, leafDetails) },
    intermediate: { details, signature: Curve.sign(root.private, details) },
  });
  return Buffer.from(chain.finish());
}
