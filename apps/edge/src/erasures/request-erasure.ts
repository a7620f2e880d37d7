import { AppError, type Erasure } from "@sandi/contracts";
import { sql } from "kysely";
import { audited } from "../audit/statement.ts";
import type { Context } from "../context.ts";
import { appendJob } from "../jobs/append-job.ts";
import { publishStored } from "../jobs/publish-soon.ts";
import { personOf } from "../messages/merge-chats.ts";
import { newId } from "../services.ts";
import { commitAs } from "../writes/commit-as.ts";
import { erasureJobs } from "./jobs.ts";
import { noProgress, sealNames } from "./open-erasure.ts";
import { hashOfPerson, readPerson } from "./person.ts";
import { type ErasureRow, toErasure } from "./present.ts";

/** Begins to erase a person from the workspace. If that is running already, nothing changes. */
export async function requestErasure(ctx: Context, person: string): Promise<Erasure> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const id = newId(services, "era");
  const names = readPerson(actor, person);
  if (await isGroup(ctx, names.chatIds)) throw new AppError("person-not-found");
  const [hash, sealed] = await Promise.all([
    hashOfPerson(services, workspaceId, names),
    sealNames(services, workspaceId, { id, names }),
  ]);
  const {
    found: [row],
  } = await commitAs(ctx, {
    writes: {
      begun: sql`INSERT INTO erasure (id, workspace_id, person, sealed, state, progress, due_at, created_at, updated_at)
        VALUES (${id}, ${workspaceId}, ${hash}, ${sealed}, 'running', ${JSON.stringify(noProgress)}, ${at}, ${at}, ${at})
        ON CONFLICT DO NOTHING`,
      // The entry names the erasure: a number in the log would outlive it.
      audit: audited(ctx, { action: "person.erased", target: id, at, when: sql`changes() > 0` }),
      job: appendJob(db, erasureJobs, { which: sql`erasure.id = ${id}`, at }),
    },
    reads: {
      found: sql<ErasureRow>`SELECT id, state, progress, created_at, finished_at FROM erasure
        WHERE workspace_id = ${workspaceId} AND person = ${hash}`,
    },
  });
  const begun = row ?? {
    id,
    state: "running" as const,
    progress: JSON.stringify(noProgress),
    createdAt: at,
    finishedAt: null,
  };
  services.waitUntil(publishStored(services, erasureJobs, [begun.id]));
  return toErasure(begun);
}

/** Whether the id is of a group, which begins in another way: all its members would be erased. */
async function isGroup({ services: { db }, actor }: Context, [chatId]: string[]): Promise<boolean> {
  if (chatId === undefined) return false;
  const { rows } = await db.kysely.executeQuery(
    sql`SELECT 1 FROM message INDEXED BY message_chat WHERE chat_id = ${chatId} AND workspace_id = ${actor.workspaceId}
      AND (person_id <> ${personOf(sql`${chatId}`)} OR to_masked LIKE '%@g.us') LIMIT 1`.compile(db.kysely),
  );
  return rows.length > 0;
}
