import { sql } from "kysely";
import type { SessionTable } from "../db/tables/sessions.ts";
import type { JobKind } from "../jobs/kind.ts";

type Revision = Pick<SessionTable, "workspaceId" | "desired" | "revision" | "proxySealed" | "mediaDownload">;

/** Sends a session's desired state to the connectors, until one of them confirms the revision. */
export const sessionJobs: JobKind<Revision> = {
  name: "session",
  priority: 1,
  subject: "session",
  columns: sql`session.workspace_id, session.desired, session.revision, session.proxy_sealed, session.media_download`,
  expiresAt: () => sql`NULL`,
  isWanted: () => sql`session.acked_revision < session.revision`,
  backOff: { quickPublishes: 4, longestMs: 300_000 },
  toJob: ({ id, workspaceId, desired, revision, publishCount, proxySealed, mediaDownload }) => ({
    kind: "session",
    body: { sessionId: id, workspaceId, desired, revision, proxy: proxySealed },
    mediaDownload: mediaDownload ?? "all",
    deduplicationId: `${id}.${revision}.${publishCount}`,
  }),
};
