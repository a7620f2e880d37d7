import { createServer } from "node:http";
import {
  type ApprovedVerification,
  claimPath,
  type ClaimResponse,
  eventsPath,
  SealedPayload,
  type Verification,
} from "@sandi/contracts";
import { createUnsealer } from "@sandi/crypto";
import {
  base64url,
  createLocalJWKSet,
  decodeProtectedHeader,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestEdge, type TestEdge } from "../src/edge.ts";

type Key = Parameters<SignJWT["sign"]>[0];

let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge();
});
afterAll(() => edge.stop());

/** A live verification, and the code as only the connector can read it. */
async function sendCode(to: string): Promise<{ verification: Verification; code: string; messageId: string }> {
  const { body: verification } = await edge.api<Verification>("POST /v1/verifications", { to });
  const messageId = verification.delivery?.messageId ?? "";
  const { body } = await edge.asConnector<ClaimResponse>(claimPath, {
    connectorId: "run-1",
    claims: [{ messageId, sessionId: edge.sessionId, fence: 1 }],
  });
  const [claimed] = body.results;
  if (claimed?.outcome !== "claimed") throw new Error(`the message was not granted: ${JSON.stringify(body)}`);
  const unseal = createUnsealer(edge.secrets.connector["CONNECTOR_SEAL_PRIVATE_KEY"] ?? "");
  const payload = SealedPayload.parse((await unseal(claimed.sealed)).value);
  return { verification, code: "code" in payload ? payload.code : "", messageId };
}

describe("a connector's token, at the Worker in workerd", () => {
  let privateKey: Key;
  let publicJwk: JWK;
  let foreign: Awaited<ReturnType<typeof generateKeyPair>>;
  let messageId = "";
  /** Serves the attacker's keys, for tokens that point there. */
  const asked: string[] = [];
  const elsewhere = createServer((request, response) => {
    asked.push(request.url ?? "");
    void exportJWK(foreign.publicKey).then((jwk) =>
      response.end(JSON.stringify({ keys: [{ ...jwk, kid: publicJwk.kid }] })),
    );
  });
  let elsewhereUrl = "";

  beforeAll(async () => {
    privateKey = await importJWK(
      JSON.parse(edge.secrets.connector["CONNECTOR_TOKEN_PRIVATE_KEY"] ?? "") as JWK,
      "EdDSA",
    );
    publicJwk = JSON.parse(edge.secrets.edge["CONNECTOR_TOKEN_PUBLIC_KEY"] ?? "") as JWK;
    foreign = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to: "+6281355500001" });
    messageId = body.delivery?.messageId ?? "";
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    const address = elsewhere.address();
    elsewhereUrl = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/jwks.json`;
  });
  afterAll(() => elsewhere.close());

  const requests = () =>
    new Map([
      [claimPath, { connectorId: "thief", claims: [{ messageId, sessionId: edge.sessionId, fence: 9 }] }],
      [
        eventsPath,
        {
          connectorId: "thief",
          events: [
            {
              id: `evt_${"1".repeat(26)}`,
              seq: 99,
              sessionId: edge.sessionId,
              at: new Date().toISOString(),
              type: "session.state",
              state: "ended",
              reason: null,
              phone: null,
              revision: 9,
            },
          ],
        },
      ],
    ]);

  const stored = () =>
    edge.sql(
      `SELECT s.state, s.state_seq, s.phone, m.status, m.attempt, m.claimed_by
        FROM session s, message m WHERE s.id = ? AND m.id = ?`,
      [edge.sessionId, messageId],
    );

  interface Forgery {
    header?: Partial<JWTHeaderParameters> & Record<string, unknown>;
    claims?: Record<string, unknown>;
    key?: Key;
    /** The path and body that it was made for. */
    path?: string;
    text?: string;
  }

  /** What `createTokenSigner` makes, but for what is said to be otherwise. */
  async function forge(path: string, text: string, { header, claims, key, ...other }: Forgery = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(other.text ?? text));
    const payload: JWTPayload = {
      method: "POST",
      path: other.path ?? path,
      body: base64url.encode(new Uint8Array(digest)),
      iss: "sandi-connector",
      aud: "sandi-edge",
      iat: now,
      exp: now + 60,
      jti: crypto.randomUUID(),
      ...claims,
    };
    const protectedHeader = { alg: "EdDSA", typ: "JWT", kid: publicJwk.kid ?? "", ...header };
    if (protectedHeader.alg !== "none") {
      return new SignJWT(payload)
        .setProtectedHeader(protectedHeader)
        .sign(key ?? privateKey, { crit: { sandi: true } });
    }
    return `${base64url.encode(JSON.stringify(protectedHeader))}.${base64url.encode(JSON.stringify(payload))}.`;
  }

  /** Each answers what is wrong with the token. */
  const forgeries: Record<string, () => Forgery | Promise<Forgery>> = {
    "HS256 with the public key's bytes for a secret": () => ({
      header: { alg: "HS256" },
      key: base64url.decode(publicJwk.x ?? ""),
    }),
    "HS256 with the public JWK's text for a secret": () => ({
      header: { alg: "HS256" },
      key: secretOf(edge.secrets.edge["CONNECTOR_TOKEN_PUBLIC_KEY"] ?? ""),
    }),
    "HS256 with the public key's PEM for a secret": async () => {
      const key = await importJWK(publicJwk, "EdDSA", { extractable: true });
      if (key instanceof Uint8Array) throw new Error("a public key is expected");
      return { header: { alg: "HS256" }, key: secretOf(await exportSPKI(key)) };
    },
    "alg none": () => ({ header: { alg: "none" } }),
    "the same signature under another name of the algorithm": () => ({ header: { alg: "Ed25519" } }),
    "a foreign key under our kid": () => ({ key: foreign.privateKey }),
    "our key under a foreign kid": () => ({ header: { kid: "foreign" } }),
    "a foreign key, brought along as jwk": async () => ({
      header: { jwk: await exportJWK(foreign.publicKey) },
      key: foreign.privateKey,
    }),
    "a foreign key at a jku": () => ({ header: { jku: elsewhereUrl }, key: foreign.privateKey }),
    "a foreign key at an x5u": () => ({ header: { x5u: elsewhereUrl }, key: foreign.privateKey }),
    "an unknown critical header": () => ({ header: { crit: ["sandi"], sandi: true } }),
    "another audience": () => ({ claims: { aud: "sandi-connector" } }),
    "another issuer": () => ({ claims: { iss: "sandi-edge" } }),
    "another path": () => ({ path: "/internal/messages" }),
    "another method": () => ({ claims: { method: "PUT" } }),
    "another body": () => ({ text: "{}" }),
    "no body": () => ({ claims: { body: undefined } }),
    "a time that is over": () => ({ claims: { iat: ago(120), exp: ago(60) } }),
    "a time longer than a minute": () => ({ claims: { iat: ago(120), exp: ago(-3600) } }),
    "a time that is still to come": () => ({ claims: { iat: ago(-600), exp: ago(-660) } }),
    "no end": () => ({ claims: { exp: undefined } }),
    "no jti": () => ({ claims: { jti: undefined } }),
  };

  it.each(Object.entries(forgeries))("a token with %s is refused, and nothing is stored", async (_, forgery) => {
    const before = await stored();
    for (const [path, body] of requests()) {
      const text = JSON.stringify(body);
      const token = await forge(path, text, await forgery());
      const answer = await post(path, text, token);
      expect([path, answer.status, answer.body.code]).toEqual([path, 401, "service-token-invalid"]);
    }
    expect(await stored()).toEqual(before);
  });

  it("the address of keys in a token is never fetched", () => {
    expect(asked).toEqual([]);
  });

  it("the edge's own key opens nothing at the edge", async () => {
    const own = await importJWK(JSON.parse(edge.secrets.edge["EDGE_TOKEN_PRIVATE_KEY"] ?? "") as JWK, "EdDSA");
    for (const [path, body] of requests()) {
      const text = JSON.stringify(body);
      expect((await post(path, text, await forge(path, text, { key: own }))).status).toBe(401);
    }
  });

  it("a right token is valid for one request", async () => {
    const text = JSON.stringify(requests().get(claimPath));
    const token = await forge(claimPath, text);
    const answers = [await post(claimPath, text, token), await post(claimPath, text, token)];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [200, undefined],
      [401, "service-token-invalid"],
    ]);
    expect(await stored()).toMatchObject([{ status: "sending", attempt: 1 }]);
  });
});

describe("proofs of an approval", () => {
  let proof = "";

  it("name the verified number, for the workspace and for five minutes", async () => {
    const { verification, code } = await sendCode("+6281355500002");
    const { status, body } = await check(verification.id, code);
    expect([status, body.status]).toEqual([200, "approved"]);
    proof = body.proof ?? "";
    const { payload, protectedHeader } = await verified(proof);
    expect(payload).toMatchObject({ sub: verification.id, purpose: "login", to: verification.to });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
    expect(protectedHeader.alg).toBe("EdDSA");
    expect(JSON.stringify(payload)).not.toContain(code);
  });

  it("are refused when they were changed, and by another workspace", async () => {
    const [header = "", payload = "", signature = ""] = proof.split(".");
    const claims = JSON.parse(new TextDecoder().decode(base64url.decode(payload))) as JWTPayload;
    const other = base64url.encode(JSON.stringify({ ...claims, sub: "ver_other" }));
    const secret = secretOfKey(await jwks());
    const confused = await new SignJWT(claims)
      .setProtectedHeader({ ...decodeProtectedHeader(proof), alg: "HS256" })
      .sign(secret);
    const refused = [
      verified(`${header}.${other}.${signature}`),
      verified(`${header}.${payload}.${signature.replace(/^./, (first) => (first === "A" ? "B" : "A"))}`),
      verified(`${base64url.encode(JSON.stringify({ alg: "none" }))}.${payload}.`),
      verified(confused),
      verified(proof, { audience: "ws_another" }),
      verified(proof, { issuer: "https://elsewhere.example" }),
    ];
    const outcomes = await Promise.allSettled(refused);
    expect(outcomes.map(({ status }) => status)).toEqual(refused.map(() => "rejected"));
  });

  it("are not made when the caller knew the code", async () => {
    const { body } = await edge.api<Verification>("POST /v1/verifications", { to: "+6281355500003", code: "480213" });
    const approved = await check(body.id, "480213");
    expect([approved.status, approved.body.proof]).toEqual([200, null]);
  });

  it("are verified with public keys, of which no private part is shown", async () => {
    const { keys } = await jwks();
    expect(keys.map((key) => Object.keys(key).toSorted((a, b) => a.localeCompare(b)))).toEqual([
      ["alg", "crv", "kid", "kty", "use", "x"],
    ]);
    const shown = JSON.stringify(keys);
    const secrets = Object.values({ ...edge.secrets.edge, ...edge.secrets.connector }).map((text) =>
      text.startsWith("{") ? (JSON.parse(text) as JWK).d : text,
    );
    expect(secrets.filter((secret) => secret !== undefined && shown.includes(secret))).toEqual([]);
  });
});

const secretOfKey = ({ keys: [key] }: JSONWebKeySet) => base64url.decode(key?.x ?? "");
const secretOf = (text: string) => new TextEncoder().encode(text);
const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds;

const post = async (path: string, text: string, token: string) => {
  const response = await fetch(edge.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: text,
  });
  return { status: response.status, body: (await response.json()) as { code?: string } };
};

const check = (id: string, code: string) =>
  edge.api<ApprovedVerification>(`POST /v1/verifications/${id}/check`, { code });

const jwks = async () => (await edge.api<JSONWebKeySet>("GET /.well-known/jwks.json")).body;

const verified = async (proof: string, other: { issuer?: string; audience?: string } = {}) =>
  jwtVerify(proof, createLocalJWKSet(await jwks()), {
    issuer: edge.url,
    audience: edge.workspaceId,
    algorithms: ["EdDSA"],
    ...other,
  });
