import type { Db, MessageTable } from "../db/schema.ts";
import type { MessageRow } from "./present.ts";

const columns = [
  "id",
  "sessionId",
  "toMasked",
  "status",
  "failure",
  "sentAt",
  "deliveredAt",
  "readAt",
  "createdAt",
  "expiresAt",
] as const;

export function findMessage(db: Db, workspaceId: string, id: string): Promise<MessageRow | undefined> {
  return selectMessage(db, workspaceId, id).executeTakeFirst();
}

/** A message that was asked for as such: those that carry codes belong to their verification. */
export function selectMessage(db: Db, workspaceId: string, id: string) {
  return db.kysely
    .selectFrom("message")
    .select(columns)
    .where("workspaceId", "=", workspaceId)
    .where("id", "=", id)
    .where("verificationId", "is", null);
}

/** Lets the next cron publish the job of this message. */
export async function markUnpublished(db: Db, workspaceId: string, { id, now }: { id: string; now: number }) {
  await db.kysely
    .updateTable("message")
    .set({ publishAfter: now })
    .where("workspaceId", "=", workspaceId)
    .where("id", "=", id)
    .where("status", "=", "queued")
    .execute();
}

/**
 * After a write without an answer: takes the message's id away, so that a write that is still under way cannot land.
 * Answers false when the message was there already: the write had landed.
 */
export async function voidMessage(db: Db, workspaceId: string, { id, now }: { id: string; now: number }) {
  const nothing: Partial<MessageTable> = { sealed: null, template: null, verificationId: null };
  const { numInsertedOrUpdatedRows } = await db.kysely
    .insertInto("message")
    .values({
      ...nothing,
      id,
      workspaceId,
      sessionId: "",
      toMasked: "",
      status: "canceled",
      claimFence: 0,
      attempt: 0,
      publishAfter: 0,
      publishCount: 0,
      expiresAt: now,
      createdAt: now,
      updatedAt: now,
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .executeTakeFirst();
  return (numInsertedOrUpdatedRows ?? 0n) > 0n;
}
