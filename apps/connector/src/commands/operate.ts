import { createKeyRing, flawOf, isQuoted, type KeyRing } from "@sandi/crypto";
import { systemServices } from "../services.ts";
import { openStore, type Store } from "../store/store.ts";

/** What a command works with: the connector's database and keys, from its environment. */
export interface CommandContext {
  store: Store;
  keys: KeyRing;
}

/** Runs a command on LIBSQL_URL with STORE_KEYS. An error is one sentence on stderr and exit code 1. */
export async function operate(usage: string, run: (context: CommandContext) => Promise<void>): Promise<void> {
  const { LIBSQL_URL: url, LIBSQL_AUTH_TOKEN: authToken, STORE_KEYS: storeKeys } = process.env;
  if (!url || !storeKeys) {
    process.stderr.write(`usage: LIBSQL_URL=… [LIBSQL_AUTH_TOKEN=…] STORE_KEYS=… npx pnpm@10.34.9 ${usage}\n`);
    process.exitCode = 2;
    return;
  }
  try {
    for (const [name, value = ""] of Object.entries({ LIBSQL_URL: url, LIBSQL_AUTH_TOKEN: authToken })) {
      const flaw = flawOf(value, { isOneWord: name !== "LIBSQL_URL" });
      if (flaw !== undefined) throw new Error(`${name} ${flaw}`);
    }
    if (isQuoted(storeKeys)) throw new Error("STORE_KEYS has quotes around it");
    const keys = createKeyRing(storeKeys);
    const store = await openStore({ url, authToken }, systemServices.now());
    try {
      await run({ store, keys });
    } finally {
      await store.close();
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
