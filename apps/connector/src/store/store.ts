import { type Client, createClient } from "@libsql/client";
import { migrate } from "@sandi/libsql";
import { boundedFetch } from "./failures.ts";
import { openFile, type StoreClient } from "./file-client.ts";
import { advanceSequences } from "./advance-sequences.ts";
import { watchDiskSpace } from "./disk-space.ts";
import { migrations } from "./migrations.ts";
import { createWriter, type Writer } from "./writer.ts";

/** The connector's own database: reads go to the client, every write goes through the writer. */
export interface Store {
  client: StoreClient;
  writer: Writer;
  /** False after a write found no space, until there is some again. Rejects when the database does not answer. */
  hasSpace(): Promise<boolean>;
  close(): Promise<void>;
}

interface Database {
  url: string;
  authToken: string | undefined;
  /** A call without an answer fails after this time. */
  timeoutMs?: number;
}

export async function openStore({ url, authToken, timeoutMs = 10_000 }: Database, now: Date): Promise<Store> {
  const client: StoreClient = url.startsWith("file:")
    ? openFile(url)
    : createClient({
        url,
        ...(authToken === undefined ? {} : { authToken }),
        fetch: boundedFetch(timeoutMs),
      });
  try {
    await migrate(client as Client, migrations, now);
  } catch (error) {
    await client.close();
    throw error;
  }
  const store = storeOn(client);
  await store.writer.write(advanceSequences(now));
  return store;
}

/** A store on a client whose database is migrated. */
export function storeOn(of: StoreClient): Store {
  const space = watchDiskSpace(of);
  const { client } = space;
  const writer = createWriter(client);
  return {
    client,
    writer,
    hasSpace: () => space.isAvailable(),
    async close() {
      await writer.settled();
      await client.close();
    },
  };
}
