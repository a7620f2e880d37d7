import { base64url, generateKeyText, generateSealingKeys, generateTokenKeys, type Random } from "@sandi/crypto";

/** Secrets of each app, by the name of their environment variable. */
export interface SecretSet {
  edge: Record<string, string>;
  connector: Record<string, string>;
}

/** Makes every key of the two apps: one key pair for each purpose and direction. */
export async function generateSecrets(kid: string, random: Random): Promise<SecretSet> {
  const edgeTokens = await generateTokenKeys(kid);
  const connectorTokens = await generateTokenKeys(kid);
  const sealing = await generateSealingKeys(kid);
  return {
    edge: {
      OTP_PEPPERS: generateKeyText(kid, random),
      PHONE_PEPPER: generateKeyText(kid, random),
      LINK_KEYS: generateKeyText(kid, random),
      AT_REST_KEYS: generateKeyText(kid, random),
      PROOF_PRIVATE_KEY: (await generateTokenKeys(kid)).privateJwk,
      EDGE_TOKEN_PRIVATE_KEY: edgeTokens.privateJwk,
      CONNECTOR_TOKEN_PUBLIC_KEY: connectorTokens.publicJwk,
      CONNECTOR_SEAL_PUBLIC_KEY: sealing.publicJwk,
    },
    connector: {
      STORE_KEYS: generateKeyText(kid, random),
      EDGE_TOKEN_PUBLIC_KEY: edgeTokens.publicJwk,
      CONNECTOR_TOKEN_PRIVATE_KEY: connectorTokens.privateJwk,
      CONNECTOR_SEAL_PRIVATE_KEY: sealing.privateJwk,
    },
  };
}

/** Makes a random bearer token. */
export const generateToken = (random: Random): string => base64url(random(32));
