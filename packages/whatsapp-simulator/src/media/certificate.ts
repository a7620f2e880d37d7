import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A key and a self-signed certificate of it, as PEM. */
export interface Certificate {
  key: string;
  certificate: string;
}

/**
 * For `localhost` and 127.0.0.1; a client must be set up to trust it (X.509 v3, RFC 5280). It is valid in all years that
 * its form of a time can say, because phones outlive a restart.
 */
export function makeCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = tlv(0x30, oid("2a8648ce3d040302"));
  const name = tlv(0x30, tlv(0x31, tlv(0x30, oid("550403"), tlv(0x0c, Buffer.from("Simulated WhatsApp media")))));
  const validity = tlv(0x30, time("200101000000Z"), time("491231235959Z"));
  const names = tlv(0x30, tlv(0x82, Buffer.from("localhost")), tlv(0x87, Buffer.from([127, 0, 0, 1])));
  const authority = tlv(0x30, tlv(0x01, Buffer.from([0xff])));
  const extensions = tlv(
    0x30,
    tlv(0x30, oid("551d11"), tlv(0x04, names)),
    tlv(0x30, oid("551d13"), tlv(0x01, Buffer.from([0xff])), tlv(0x04, authority)),
  );
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(8)]);
  const content = tlv(
    0x30,
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    ecdsaWithSha256,
    name,
    validity,
    name,
    publicKey.export({ format: "der", type: "spki" }),
    tlv(0xa3, extensions),
  );
  const signature = tlv(0x03, Buffer.from([0]), sign("sha256", content, privateKey));
  const whole = tlv(0x30, content, ecdsaWithSha256, signature);
  return {
    key: privateKey.export({ format: "pem", type: "pkcs8" }),
    certificate: `-----BEGIN CERTIFICATE-----\n${whole.toString("base64")}\n-----END CERTIFICATE-----\n`,
  };
}

const oid = (hex: string) => tlv(0x06, Buffer.from(hex, "hex"));
const time = (utc: string) => tlv(0x17, Buffer.from(utc));

/** Type, length and value in DER. */
function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const size = value.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}
