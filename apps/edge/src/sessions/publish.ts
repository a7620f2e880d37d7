import type { SessionTable } from "../db/schema.ts";
import type { Services } from "../services.ts";

type Publishable = Pick<SessionTable, "id" | "workspaceId" | "desired" | "revision" | "publishCount" | "proxySealed">;

export function sessionJob({ id, workspaceId, desired, revision, publishCount, proxySealed }: Publishable) {
  return {
    kind: "session" as const,
    body: { sessionId: id, workspaceId, desired, revision, proxy: proxySealed },
    deduplicationId: `${id}.${revision}.${publishCount}`,
  };
}

/** As with messages: the row is the promise, and cron repeats what no connector has confirmed. */
export function publishSessionLater(services: Services, session: Publishable): void {
  const { db, now, publish, log } = services;
  const work = async () => {
    try {
      await publish(sessionJob(session));
    } catch (error) {
      log(`${session.id} revision ${session.revision} was not published; cron will`, error);
      await db.kysely
        .updateTable("session")
        .set({ publishAfter: now().getTime() })
        .where("workspaceId", "=", session.workspaceId)
        .where("id", "=", session.id)
        .where("revision", "=", session.revision)
        .execute();
    }
  };
  services.waitUntil(work().catch((error: unknown) => log(`${session.id} waits for its second chance`, error)));
}
