import { AppError, type Session } from "@sandi/contracts";
import { sql } from "kysely";
import { auditStatement } from "../audit/statement.ts";
import type { KnownKey, SessionTable } from "../db/schema.ts";
import { newId, type Services } from "../services.ts";
import { toSession } from "./repository.ts";

interface Change {
  key: KnownKey;
  id: string;
  name: string;
}

/** Gives a session another name; the same once more changes nothing. */
export async function renameSession(services: Services, { key, id, name }: Change): Promise<Session> {
  const { db } = services;
  const { workspaceId } = key;
  const at = services.now().getTime();
  const entry = { id: newId(services, "aud"), workspaceId, actor: key.id, action: "session.renamed", target: id, at };
  const [, , { rows }] = await db.write([
    sql`UPDATE session SET name = ${name}, updated_at = ${at}
      WHERE id = ${id} AND workspace_id = ${workspaceId} AND desired <> 'deleted' AND name <> ${name}`.compile(
      db.kysely,
    ),
    auditStatement(db, { ...entry, detail: { name: { to: name } } }),
    sql<SessionTable>`SELECT * FROM session
      WHERE id = ${id} AND workspace_id = ${workspaceId} AND desired <> 'deleted'`.compile(db.kysely),
  ]);
  if (!rows[0]) throw new AppError("session-not-found");
  return toSession(rows[0]);
}
