import type { Session } from "@sandi/contracts";
import type { Db, SessionTable } from "../db/schema.ts";
import { iso } from "../messages/present.ts";

export type SessionRow = Pick<SessionTable, "id" | "name" | "state" | "reason" | "phone" | "updatedAt">;

const columns = ["id", "name", "state", "reason", "phone", "updatedAt"] as const;

/** A deleted session is kept, unseen, until its connector has let go of it. */
export function selectSessions(db: Db, workspaceId: string) {
  return db.kysely
    .selectFrom("session")
    .select(columns)
    .where("workspaceId", "=", workspaceId)
    .where("desired", "<>", "deleted");
}

export function findSession(db: Db, workspaceId: string, id: string): Promise<SessionRow | undefined> {
  return selectSessions(db, workspaceId).where("id", "=", id).executeTakeFirst();
}

export function toSession({ id, name, state, reason, phone, updatedAt }: SessionRow): Session {
  return { id, name, state, reason, phone, updatedAt: iso(updatedAt) };
}
