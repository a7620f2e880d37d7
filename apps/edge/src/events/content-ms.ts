import { Quota } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { contentMsOf } from "../messages/received.ts";
import { readPolicy } from "../stored-policy.ts";

/** What says how long a session keeps contents. */
interface PolicyRow {
  /** The session. */
  id: string;
  policy: string;
  quota: string;
}

/** The policies of sessions, without a tenant: their connector asks. */
export const policiesOf = ({ kysely }: Db, sessionIds: readonly string[]): CompiledQuery<PolicyRow> =>
  sql<PolicyRow>`SELECT session.id AS id, policy, quota FROM session JOIN workspace ON workspace.id = session.workspace_id
    WHERE session.id IN (${sql.join([...new Set(sessionIds)])})`.compile(kysely);

export const contentMsOfRow = ({ policy, quota }: PolicyRow): number =>
  contentMsOf(readPolicy(policy), Quota.parse(JSON.parse(quota)));
