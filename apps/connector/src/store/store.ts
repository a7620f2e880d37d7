import { type Client, createClient } from "@libsql/client";
import { migrate } from "@sandi/libsql";
import { boundedFetch } from "./failures.ts";
import { openFile, type StoreClient } from "./file-client.ts";
import { countOnStatements } from "./count-on.ts";
import { watchRoom } from "./room.ts";
import { migrations } from "./migrations.ts";
import { createWriter, type Writer } from "./writer.ts";

/** The connector's own database: reads go to the client, every write through the writer. */
export interface Store {
  client: StoreClient;
  writer: Writer;
  /** False from a write that found no room until there is some again; rejects when the database does not answer. */
  hasRoom(): Promise<boolean>;
  close(): Promise<void>;
}

interface Database {
  url: string;
  authToken: string | undefined;
  /** A call that is not answered in this time has failed. */
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
    client.close();
    throw error;
  }
  const store = storeOn(client);
  await store.writer.write(countOnStatements(now));
  return store;
}

/** A store on a client whose schema is there. */
export function storeOn(of: StoreClient): Store {
  const room = watchRoom(of);
  const { client } = room;
  const writer = createWriter(client);
  return {
    client,
    writer,
    hasRoom: () => room.isThere(),
    async close() {
      await writer.settled();
      client.close();
    },
  };
}
