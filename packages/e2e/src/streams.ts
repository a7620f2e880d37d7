import type { Event } from "@sandi/contracts";
import { createId } from "@sandi/contracts";
import { generateApiKey, hashApiKey, webRandom } from "@sandi/crypto";
import type { TestEdge } from "./edge.ts";

/** A client of a stream of events. */
export interface StreamClient {
  status: number;
  events: Event[];
  /** The position of the last part that arrived whole. */
  lastId: string;
  isOpen: boolean;
  ended: Promise<void>;
  hangUp: () => void;
}

interface Listening {
  key?: string;
  query?: string;
  lastEventId?: string;
  /** The client ends the connection after so many bytes. */
  cutAfter?: number;
}

/** Listens until the stream, the client or `cutAfter` ends the connection. */
export async function listenTo(
  { url, apiKey }: TestEdge,
  { key = apiKey, query = "", lastEventId, cutAfter = Infinity }: Listening = {},
): Promise<StreamClient> {
  const connection = new AbortController();
  const response = await fetch(`${url}/v1/events?${query}`, {
    headers: {
      authorization: `Bearer ${key}`,
      accept: "text/event-stream",
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    },
    signal: connection.signal,
  });
  const client: StreamClient = {
    status: response.status,
    events: [],
    lastId: lastEventId ?? "",
    isOpen: response.ok,
    ended: Promise.resolve(),
    hangUp: () => connection.abort(),
  };
  const read = async () => {
    const decoder = new TextDecoder();
    let text = "";
    let size = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk.subarray(0, Math.max(0, cutAfter - size)), { stream: true });
      size += chunk.length;
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) take(client, part);
      if (size >= cutAfter) return connection.abort();
    }
  };
  if (response.ok) {
    client.ended = read()
      .catch(() => undefined)
      .finally(() => (client.isOpen = false));
  } else await response.body?.cancel();
  return client;
}

function take(client: StreamClient, part: string): void {
  client.lastId = /^id: (.+)$/m.exec(part)?.[1] ?? client.lastId;
  const data = /^data: (.+)$/m.exec(part)?.[1];
  if (data !== undefined) client.events.push(JSON.parse(data) as Event);
}

/** Keys of the workspace, which may read events. */
export async function addKeys({ client, workspaceId }: TestEdge, count: number): Promise<string[]> {
  const made = await Promise.all(Array.from({ length: count }, () => generateApiKey("live", webRandom)));
  await client.batch(
    await Promise.all(
      made.map(async ({ key, prefix }) => ({
        sql: `INSERT INTO api_key (id, workspace_id, name, hash, prefix, environment, scopes, created_at)
          VALUES (?, ?, 'key', ?, ?, 'live', '["event:read"]', ?)`,
        args: [createId("key", new Date(), webRandom(10)), workspaceId, await hashApiKey(key), prefix, Date.now()],
      })),
    ),
    "write",
  );
  return made.map(({ key }) => key);
}

/** Stores events in one transaction. Returns their ids. */
export async function addEvents(
  edge: TestEdge,
  count: number,
  { type = "message.sent", workspace = edge.workspaceId } = {},
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => createId("evt", new Date(), webRandom(10)));
  await edge.sql(
    `INSERT INTO event (id, workspace_id, type, data, at) SELECT value, ?, ?, '{"personId":null}', ? FROM json_each(?) ORDER BY key`,
    [workspace, type, Date.now(), JSON.stringify(ids)],
  );
  return ids;
}
