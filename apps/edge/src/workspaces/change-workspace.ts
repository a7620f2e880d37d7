import { AppError, type ChangeWorkspace, type Workspace } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { difference } from "../audit/difference.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { changeUntilStored } from "../db/optimistic.ts";
import { forgetKeys } from "../auth/cache.ts";
import { writeAs } from "../writes/write-as.ts";
import { newId } from "../services.ts";
import { changedPolicy, refuseLongRetention } from "./merge.ts";
import { findWorkspace, toWorkspace, type WorkspaceRow } from "./repository.ts";

/** Changes the workspace's name and policy: here at once, in every other isolate within a minute. */
export function changeWorkspace(ctx: Context, change: ChangeWorkspace): Promise<Workspace> {
  const { services, actor } = ctx;
  return changeUntilStored("workspace", async () => {
    const row = await findWorkspace(services.db, actor.workspaceId);
    if (!row) throw new AppError("unauthenticated");
    const { chosen, policy } = changedPolicy(JSON.parse(row.policy) as Record<string, unknown>, change.policy ?? {});
    refuseLongRetention(policy, toWorkspace(row).quota, change.policy);
    const next = { ...row, name: change.name ?? row.name, policy: JSON.stringify(chosen) };
    return (await store(ctx, { row, next })) ? toWorkspace(next) : undefined;
  });
}

/** Answers whether it was stored, or was changed meanwhile. */
async function store(ctx: Context, { row, next }: { row: WorkspaceRow; next: WorkspaceRow }): Promise<boolean> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const before = toWorkspace(row);
  const after = toWorkspace(next);
  const policy = difference(before.policy, after.policy);
  const detail = {
    ...difference({ name: before.name }, { name: after.name }),
    ...(Object.keys(policy).length > 0 && { policy }),
  };
  if (Object.keys(detail).length === 0 && row.policy === next.policy) return true;
  const id = newId(services, "aud");
  try {
    const [changed] = await writeAs(ctx, [
      sql`UPDATE workspace SET name = ${next.name}, policy = ${next.policy}
        WHERE id = ${workspaceId} AND name = ${row.name} AND policy = ${row.policy}`.compile(db.kysely),
      auditStatement(db, {
        id,
        workspaceId,
        actor: actor.by.id,
        action: "workspace.updated",
        target: workspaceId,
        detail,
        at,
        // A default that is chosen explicitly is stored, but changes nothing.
        ...(Object.keys(detail).length === 0 && { when: sql<boolean>`0` }),
      }),
    ]);
    return changed.numAffectedRows === 1n;
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id });
    return true;
  } finally {
    forgetKeys(services, { workspaceId });
  }
}
