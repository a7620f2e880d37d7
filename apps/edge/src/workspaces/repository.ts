import { Quota, type Workspace } from "@sandi/contracts";
import type { Db, Tables } from "../db/schema.ts";
import { iso } from "../time.ts";
import { readPolicy } from "../stored-policy.ts";

export type WorkspaceRow = Tables["workspace"];

export const findWorkspace = (db: Db, workspaceId: string): Promise<WorkspaceRow | undefined> =>
  db.kysely.selectFrom("workspace").selectAll().where("id", "=", workspaceId).executeTakeFirst();

/** The workspace with all defaults of its policy and quota. */
export const toWorkspace = ({ id, name, policy, quota, createdAt }: WorkspaceRow): Workspace => ({
  id,
  name,
  createdAt: iso(createdAt),
  policy: readPolicy(policy),
  quota: Quota.parse(JSON.parse(quota)),
});
