import { type ConnectorEvent, type Policy, Quota } from "@sandi/contracts";
import { contentMsOf } from "../messages/received.ts";
import type { Services } from "../services.ts";
import { readPolicy } from "../stored-policy.ts";

/** The workspace of a session that reports events. */
export interface Workspace {
  workspaceId: string;
  policy: Policy;
  /** How long it keeps contents; null: nothing in the batch needs that. */
  contentMs: number | null;
}

const isReceived = ({ type }: ConnectorEvent) => type === "message.received";
const hasContent = (event: ConnectorEvent) => "content" in event && event.content !== undefined;
const needsContentMs = (event: ConnectorEvent) =>
  hasContent(event) || ("message" in event && event.message !== undefined);

/** The workspaces of sessions that received messages or report contents, by session. Other batches cost no read. */
export async function workspacesOf(
  { db }: Services,
  events: readonly ConnectorEvent[],
): Promise<ReadonlyMap<string, Workspace>> {
  const about = events.filter((event) => isReceived(event) || hasContent(event));
  if (about.length === 0) return new Map();
  const isAboutContents = about.some(needsContentMs);
  // A look-up without a tenant, because it finds the tenant.
  const sessions = await db.kysely
    .selectFrom("session")
    .innerJoin("workspace", "workspace.id", "session.workspaceId")
    .select(["session.id", "session.workspaceId", "workspace.policy"])
    .where("session.id", "in", [...new Set(about.map(({ sessionId }) => sessionId))])
    .$if(isAboutContents, (query) => query.select("workspace.quota"))
    .execute();
  return new Map(
    sessions.map(({ id, workspaceId, policy: stored, quota }) => {
      const policy = readPolicy(stored);
      const contentMs = quota === undefined ? null : contentMsOf(policy, Quota.parse(JSON.parse(quota)));
      return [id, { workspaceId, policy, contentMs }];
    }),
  );
}
