import { type Client, createClient } from "@libsql/client";
import { migrate } from "@sandi/libsql";
import type { Config } from "../config.ts";
import { openFile, type StoreClient } from "./file-client.ts";
import { countOnStatements } from "./count-on.ts";
import { migrations } from "./schema.ts";
import { createWriter, type Writer } from "./writer.ts";

/** The connector's own database: reads go to the client, every write through the writer. */
export interface Store {
  client: StoreClient;
  writer: Writer;
  close(): Promise<void>;
}

export async function openStore({ url, authToken }: Config["database"], now: Date): Promise<Store> {
  const client: StoreClient = url.startsWith("file:")
    ? openFile(url)
    : createClient({ url, ...(authToken === undefined ? {} : { authToken }) });
  try {
    await migrate(client as Client, migrations, now);
  } catch (error) {
    client.close();
    throw error;
  }
  const store = storeOn(client);
  await store.writer.write(countOnStatements(now));
  return store;
}

/** A store on a client whose schema is there. */
export function storeOn(client: StoreClient): Store {
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
