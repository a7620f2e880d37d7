import { sql } from "kysely";
import type { MessageTable } from "../db/schema.ts";
import type { Job, Services } from "../services.ts";
import { iso } from "./present.ts";

/** For so long it is tried to take a message back. */
export const revokeWindowMs = 600_000;

type Revocable = Pick<MessageTable, "id" | "sessionId" | "revokeUntil" | "publishCount">;

export function revokeJob({ id, sessionId, revokeUntil, publishCount }: Revocable): Job {
  return {
    kind: "revoke",
    body: { messageId: id, sessionId, expiresAt: iso(revokeUntil ?? 0) },
    deduplicationId: `${id}.revoke.${publishCount}`,
  };
}

/** As with sends: the row is the promise, and cron repeats what no connector has confirmed. */
export function publishRevocations(services: Services, workspaceId: string, verificationId: string): void {
  const { db, publishAll, log } = services;
  const work = async () => {
    const { rows } = await db.kysely.executeQuery(
      sql<Revocable>`SELECT id, session_id, revoke_until, publish_count FROM message INDEXED BY message_verification
        WHERE verification_id = ${verificationId} AND workspace_id = ${workspaceId}
          AND revoke_until IS NOT NULL`.compile(db.kysely),
    );
    if (rows.length > 0) await publishAll(rows.map(revokeJob));
  };
  services.waitUntil(work().catch((error: unknown) => log(`${verificationId}: its revocations wait for cron`, error)));
}
