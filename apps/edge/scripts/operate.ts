/** Shared by the operator's commands: the database of the environment, and errors in one line. */
import { type Client, createClient } from "@libsql/client";
import { flawOf } from "@sandi/crypto";

/** Runs a command on the database at LIBSQL_URL; prints the usage without one, and what went wrong without a stack. */
export async function operate(usage: string, run: (client: Client) => Promise<void>): Promise<void> {
  const { LIBSQL_URL: url, LIBSQL_AUTH_TOKEN: authToken } = process.env;
  if (!url) {
    process.stderr.write(`usage: LIBSQL_URL=libsql://… [LIBSQL_AUTH_TOKEN=…] npx pnpm@10.34.9 ${usage}\n`);
    process.exitCode = 2;
    return;
  }
  try {
    for (const [name, value = ""] of Object.entries({ LIBSQL_URL: url, LIBSQL_AUTH_TOKEN: authToken })) {
      const flaw = flawOf(value, { isOneWord: name !== "LIBSQL_URL" });
      if (flaw !== undefined) throw new Error(`${name} ${flaw}`);
    }
    const client = createClient({ url, ...(authToken ? { authToken } : {}) });
    await run(client).finally(() => client.close());
  } catch (error) {
    process.stderr.write(`${sentence(error)}\n`);
    process.exitCode = 1;
  }
}

function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${sentence(error.cause)})` : "";
  return error.message + cause;
}
