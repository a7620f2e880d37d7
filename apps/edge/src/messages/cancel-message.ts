import { AppError, type Message } from "@sandi/contracts";
import { sql } from "kysely";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { commitAs } from "../writes/commit-as.ts";
import { textJobs } from "./jobs.ts";
import { moveMessages } from "./life.ts";
import { toMessage } from "./present.ts";
import { selectMessage, settleDue } from "./repository.ts";

/** Cancels a scheduled or queued message. A second cancel changes nothing. */
export async function cancelMessage(ctx: Context, id: string): Promise<Message> {
  const { services, actor } = ctx;
  const { db } = services;
  const tenant = tenantOf(actor);
  const at = services.now().getTime();
  const isThis = sql<boolean>`id = ${id} AND workspace_id = ${tenant.workspaceId} AND test = ${tenant.test}
    AND verification_id IS NULL`;
  const which = sql<boolean>`${isThis} AND expires_at > ${at}`;
  const {
    found: [row],
  } = await commitAs(ctx, {
    writes: [
      settleDue(db, tenant, at),
      moveMessages(db, "cancel", { which, at }),
      moveMessages(db, "unschedule", { which, at, set: sql`due_at = NULL` }),
      sql`DELETE FROM job WHERE kind = ${textJobs.name} AND subject_id = ${id}
        AND EXISTS (SELECT 1 FROM message WHERE ${isThis} AND status = 'canceled')`,
    ],
    reads: { found: selectMessage(db, tenant, id) },
  });
  if (!row) throw new AppError("message-not-found");
  const message = toMessage(row, { now: at, scopes: actor.scopes });
  if (message.status !== "canceled") throw notWaiting(message);
  return message;
}

/** The refusal for a message that no longer waits. */
export const notWaiting = ({ status }: Pick<Message, "status">) =>
  new AppError("message-not-waiting", { detail: `The message is ${status}.` });
