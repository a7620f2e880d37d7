import { createKeyRing, webRandom } from "@sandi/crypto";
import { nodeAtRest } from "@sandi/crypto/node";
import { readAll } from "../../src/store/credentials.ts";
import { openStore } from "../../src/store/store.ts";
import type { Simulator } from "@sandi/whatsapp-simulator";
import type { FakeEdge } from "./fake-edge.ts";

interface Known {
  simulator: Simulator;
  edge: FakeEdge;
  environment: Record<string, string>;
}

/** Of the pre-keys a few are enough; of everything else all are looked for. */
const preKeys = 20;
/** Shorter texts are words that a log may use. */
const minText = 14;

/**
 * Everything secret that a test with a rig can know: keys of the environment, numbers and LIDs, codes and texts, QR and
 * pairing codes, and every key in the credentials of the database, each as it could be printed.
 */
export async function knownSecrets({ simulator, edge, environment }: Known): Promise<Set<string>> {
  const secrets = new Set(edge.secrets.filter((text) => /^\d{6,}$/.test(text) || text.length >= minText));
  for (const name of ["CONNECTOR_TOKEN_PRIVATE_KEY", "CONNECTOR_SEAL_PRIVATE_KEY"]) {
    secrets.add((JSON.parse(environment[name]!) as { d: string }).d);
  }
  for (const name of ["QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"]) secrets.add(environment[name]!);
  for (const key of environment["STORE_KEYS"]!.split(",")) secrets.add(key.split(":")[1]!);
  for (const { number, lid } of simulator.phones()) {
    secrets.add(number.slice(1)).add(number.slice(3)).add(lid);
    for (const { text } of simulator.messages(number)) if (text.length >= minText) secrets.add(text);
  }
  // A test may leave a database that does not open.
  for (const value of await credentialsIn(environment).catch(() => [])) secretsOf(value, secrets);
  return secrets;
}

/** The secrets that a text holds, times and process ids aside; in short, for they are secrets. */
export function leaksIn(text: string, secrets: Iterable<string>): string[] {
  const said = text.replaceAll(/"(?:time|pid|hostname|seq)":("[^"]*"|\d+)/g, "");
  const leaks = [...secrets].filter((secret) => said.includes(secret)).map((secret) => `${secret.slice(0, 4)}…`);
  const jids = said.match(/\d{5,}(?::\d+)?@(?:s\.whatsapp\.net|lid)/g) ?? [];
  const libsignal = said.match(/Closing session|privKey|rootKey|currentRatchet|noiseKey|advSecretKey/g) ?? [];
  return [...leaks, ...jids.map((jid) => `${jid.slice(0, 4)}…@`), ...libsignal];
}

async function credentialsIn({ LIBSQL_URL: url, STORE_KEYS: keys }: Record<string, string>): Promise<unknown[]> {
  const store = await openStore({ url: url!, authToken: undefined }, new Date(0));
  try {
    const { rows } = await store.client.execute("SELECT DISTINCT session_id FROM credential");
    const all = rows.map(async (row) => {
      const sessionId = row["session_id"] as string;
      const values = await readAll(store, sessionId, nodeAtRest(createKeyRing(keys!), sessionId, webRandom));
      let left = preKeys;
      return values.flatMap(([kind, , value]) =>
        kind === "pre-key" && left-- <= 0 ? [] : [JSON.parse(value) as unknown],
      );
    });
    return (await Promise.all(all)).flat();
  } finally {
    await store.close();
  }
}

/** Bytes as base64, base64url and hex; and what is text already and long enough to be a key. */
function secretsOf(value: unknown, into: Set<string>): void {
  if (typeof value === "string") {
    if (/^[A-Za-z0-9+/]{40,}={0,2}$/.test(value)) addBytes(Buffer.from(value, "base64"), into);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const { type, data } = value as { type?: unknown; data?: unknown };
  if (type === "Buffer" && typeof data === "string") {
    const bytes = Buffer.from(data, "base64");
    if (bytes.length >= 16) addBytes(bytes, into);
    return;
  }
  for (const [name, part] of Object.entries(value)) {
    // The map of a record's sessions and chains is named by keys.
    secretsOf(name, into);
    secretsOf(part, into);
  }
}

function addBytes(bytes: Buffer, into: Set<string>): void {
  into.add(bytes.toString("base64")).add(bytes.toString("base64url")).add(bytes.toString("hex"));
}
