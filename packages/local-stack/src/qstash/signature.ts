import { createHash, createHmac, randomUUID } from "node:crypto";

const header = Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT" })).toString("base64url");
const validSeconds = 300;

/** The `Upstash-Signature` of a delivery: a JWT over the exact URL and the hash of the body. */
export function sign(key: string, { url, body, now }: { url: string; body: Buffer; now: number }): string {
  const seconds = Math.floor(now / 1000);
  const claims = {
    iss: "Upstash",
    sub: url,
    exp: seconds + validSeconds,
    nbf: seconds,
    iat: seconds,
    jti: `jwt_${randomUUID()}`,
    body: createHash("sha256").update(body).digest("base64url"),
  };
  const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}
