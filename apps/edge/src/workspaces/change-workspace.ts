import type { ChangeWorkspace, Workspace } from "@sandi/contracts";
import { difference } from "../audit/difference.ts";
import type { Context } from "../context.ts";
import { dropCachedKeys } from "../auth/cache.ts";
import { changeRow } from "../writes/change-row.ts";
import { changedPolicy, refuseLongRetention } from "./merge.ts";
import { findWorkspace, toWorkspace, type WorkspaceRow } from "./repository.ts";

/** Changes the workspace's name and policy: in this isolate at once, in other isolates within a minute. */
export async function changeWorkspace(ctx: Context, change: ChangeWorkspace): Promise<Workspace> {
  const { services, actor } = ctx;
  const { workspaceId } = actor;
  try {
    const row = await changeRow<WorkspaceRow>(ctx, {
      table: "workspace",
      name: "workspace",
      find: () => findWorkspace(services.db, workspaceId),
      missing: "unauthenticated",
      columns: ["name", "policy"],
      decide(before) {
        const stored = JSON.parse(before.policy) as Record<string, unknown>;
        const { chosen, policy } = changedPolicy(stored, change.policy ?? {});
        refuseLongRetention(policy, toWorkspace(before).quota, change.policy);
        return { ...before, name: change.name ?? before.name, policy: JSON.stringify(chosen) };
      },
      action: "workspace.updated",
      // Empty if a field is set to its default: it is stored, but the policy is the same.
      detail: (before, after) => changes(toWorkspace(before), toWorkspace(after)),
    });
    return toWorkspace(row);
  } finally {
    dropCachedKeys(services, { workspaceId });
  }
}

function changes(before: Workspace, after: Workspace): Record<string, unknown> {
  const policy = difference(before.policy, after.policy);
  return {
    ...difference({ name: before.name }, { name: after.name }),
    ...(Object.keys(policy).length > 0 && { policy }),
  };
}
