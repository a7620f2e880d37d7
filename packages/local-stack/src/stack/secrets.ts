import { webRandom } from "@sandi/crypto";
import { generateSecrets, generateToken, type SecretSet } from "../keys/keys.ts";
import { readJson, writeSecretJson } from "./files.ts";

interface LocalSecrets extends SecretSet {
  libsqlToken: string;
  redisToken: string;
  qstashToken: string;
  currentSigningKey: string;
  nextSigningKey: string;
}

/** The stack's keys. The first start makes them and stores them in a file that only its owner can read. */
export async function localSecrets(file: string): Promise<LocalSecrets> {
  const known = await readJson<LocalSecrets>(file);
  const fresh: LocalSecrets = {
    ...(await generateSecrets("local", webRandom)),
    libsqlToken: generateToken(webRandom),
    redisToken: generateToken(webRandom),
    qstashToken: generateToken(webRandom),
    currentSigningKey: `sig_${generateToken(webRandom)}`,
    nextSigningKey: `sig_${generateToken(webRandom)}`,
  };
  // A new version may need keys that the file does not have yet.
  const secrets = { ...fresh, ...known, edge: { ...fresh.edge, ...known?.edge } };
  await writeSecretJson(file, secrets);
  return secrets;
}
