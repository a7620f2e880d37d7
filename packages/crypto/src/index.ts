export { base64url, crc32, fromBase64url, pooledRandom, type Random, s256, utf8, webRandom } from "./bytes.ts";
export {
  type ApiKeyEnvironment,
  type GeneratedApiKey,
  generateApiKey,
  hashApiKey,
  isWellFormedApiKey,
} from "./api-keys.ts";
export { flawOf, isQuoted } from "./flaws.ts";
export { type KeyRing, createKeyRing, generateKeyText } from "./key-ring.ts";
export { codeMac, hmac, inboundTokens, phoneHash, type TokenWithMac, tokenMac, type VerificationCode } from "./macs.ts";
export { createQueueCheck, type QueueCheck } from "./queue-signatures.ts";
export { createProofSigner, type Proof, type ProofKeys, type ProofSigner } from "./proofs.ts";
export { alphanumericCode, numericCode } from "./codes.ts";
export {
  createSealer,
  createUnsealer,
  generateSealingKeys,
  type Sealer,
  type Unsealed,
  type Unsealer,
} from "./sealing.ts";
export { atRest, type AtRest, type AtRestContext } from "./at-rest.ts";
export { chunkBytes, type ChunkSealer, createChunkSealer, sealedChunkBytes } from "./chunks.ts";
export { hashPassword, type PasswordCheck, verifyPassword } from "./passwords.ts";
export {
  createTokenSigner,
  createTokenVerifier,
  generateTokenKeys,
  type ServiceRequest,
  type TokenSigner,
  type TokenVerifier,
} from "./service-tokens.ts";
export { signLink, verifyLink } from "./links.ts";
export { generateWebhookSecret, signWebhook, verifyWebhook, webhookKey } from "./webhooks.ts";
