import { sql } from "kysely";
import { idsOf } from "../jobs/append-job.ts";
import type { Services } from "../services.ts";
import { eraseAtConnectors, isComplete } from "./erase-at-connectors.ts";
import { eraseRows } from "./erase-rows.ts";
import { finishErasure, type OpenErasure, returnErasure, takeErasure } from "./open-erasure.ts";
import { hashesOf, joined } from "./person.ts";

/** It is looked at again after this time when it waits for a connector, longer each time. */
const waits = { shortestMs: 15_000, longestMs: 600_000 };

/** Does an erasure's next work, so many rounds of it. @returns true if more work is left now */
export async function advance(services: Services, id: string, rounds: number): Promise<boolean> {
  const { now } = services;
  const erasure = await takeErasure(services, id, now().getTime());
  if (!erasure) return false;
  let next: number | null = now().getTime();
  try {
    for (let round = 0; round < rounds; round++) {
      next = await work(services, erasure);
      if (next === null || next > now().getTime()) break;
    }
  } catch (error) {
    next = now().getTime() + waits.shortestMs;
    services.log(`${id} is tried again later`, error);
  }
  if (next === null) return false;
  await returnErasure(services, erasure, next);
  return next <= now().getTime();
}

/** One round. Answers when the next one is due; null when it has finished. */
async function work(services: Services, erasure: OpenErasure): Promise<number | null> {
  const { db, now } = services;
  const { progress } = erasure;
  const at = now().getTime();
  if (progress.stage === "connectors") {
    const state = await eraseAtConnectors(services, erasure);
    if (state === "waits") return at + waitOf(erasure, at);
    if (state === "done") progress.stage = "rest";
    return at;
  }
  erasure.names = joined(erasure.names, await namesInRows(services, erasure));
  const { counts, hasMore, isSending } = await eraseRows(services, erasure);
  for (const [name, count] of Object.entries(counts)) progress[name as keyof typeof counts] += count;
  if (hasMore) return at;
  if (progress.stage === "rows") {
    progress.stage = "connectors";
    return at;
  }
  // A connector has the message: it ends within minutes.
  if (isSending) return at + waits.shortestMs;
  await db.kysely.executeQuery(
    finishErasure(db, erasure, { state: isComplete(erasure) ? "finished" : "incomplete", at }),
  );
  return null;
}

/** As long as the connector has been silent, so that each wait is twice as long as the one before. */
function waitOf({ progress }: OpenErasure, at: number): number {
  const since = Math.min(at, ...Object.values(progress.sessions).flatMap(({ silentSince }) => silentSince ?? []));
  return Math.min(waits.longestMs, Math.max(waits.shortestMs, at - since));
}

/** Chats with the number, former ids of them, and the hash of the number, as far as rows tell. */
async function namesInRows(services: Services, { workspaceId, names }: OpenErasure) {
  const { db } = services;
  const of = sql`workspace_id = ${workspaceId}`;
  const ids = idsOf(names.chatIds);
  const { chats, aliases, hashes } = await db.read({
    chats: sql<{ id: string }>`SELECT id FROM chat INDEXED BY chat_to
      WHERE ${of} AND to_hash IN (${idsOf(await hashesOf(services, workspaceId, names))})`,
    aliases: sql<{ id: string }>`WITH named AS (SELECT value AS id FROM json_each(${JSON.stringify(names.chatIds)})),
        now AS (SELECT coalesce((SELECT chat_id FROM chat_alias a WHERE a.id = named.id AND a.workspace_id = ${workspaceId}),
          named.id) AS id FROM named)
      SELECT id FROM now UNION SELECT a.id FROM chat_alias a JOIN now ON a.chat_id = now.id
      WHERE a.workspace_id = ${workspaceId}`,
    hashes: sql<{
      hash: string;
    }>`SELECT to_hash AS hash FROM chat WHERE id IN (${ids}) AND ${of} AND to_hash IS NOT NULL
      UNION SELECT person_hash FROM message INDEXED BY message_chat
        WHERE chat_id IN (${ids}) AND ${of} AND person_hash IS NOT NULL LIMIT 20`,
  });
  return {
    chatIds: [...chats.rows, ...aliases.rows].map(({ id }) => id),
    hashes: hashes.rows.map(({ hash }) => hash),
  };
}
