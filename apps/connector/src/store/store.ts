import { createClient, type Client } from "@libsql/client";
import { migrate } from "@sandi/libsql";
import type { Config } from "../config.ts";
import { migrations } from "./schema.ts";
import { createWriter, type Writer } from "./writer.ts";

/** The connector's own database: reads go to the client, every write through the writer. */
export interface Store {
  client: Client;
  writer: Writer;
  close(): Promise<void>;
}

export async function openStore({ url, authToken }: Config["database"], now: Date): Promise<Store> {
  const isFile = url.startsWith("file:");
  const client = createClient({
    url,
    ...(authToken === undefined ? {} : { authToken }),
    // One connection to a file, so that what is set below holds for every statement.
    ...(isFile ? { concurrency: 1, timeout: 5000 } : {}),
  });
  try {
    if (isFile) {
      await client.execute("PRAGMA journal_mode = WAL");
      await client.execute("PRAGMA synchronous = NORMAL");
    }
    await migrate(client, migrations, now);
  } catch (error) {
    client.close();
    throw error;
  }
  const writer = createWriter(client);
  return {
    client,
    writer,
    async close() {
      await writer.settled();
      client.close();
    },
  };
}
