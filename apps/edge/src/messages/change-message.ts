import { AppError, type ChangeMessage, type Message } from "@sandi/contracts";
import { sql } from "kysely";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { commitAs } from "../writes/commit-as.ts";
import { notWaiting } from "./cancel-message.ts";
import { toMessage } from "./present.ts";
import { selectMessage, settleDue } from "./repository.ts";
import { scheduleAt, timeOf } from "./schedule.ts";

/** Moves a scheduled message, or replaces a message's metadata: both, or nothing. */
export async function changeMessage(
  ctx: Context,
  { id, body }: { id: string; body: Pick<ChangeMessage, "sendAt" | "metadata"> },
): Promise<Message> {
  const { services, actor } = ctx;
  const { db } = services;
  const tenant = tenantOf(actor);
  const at = services.now().getTime();
  const sendAt = timeOf(body.sendAt, at);
  const which = sql<boolean>`message.id = ${id} AND message.workspace_id = ${tenant.workspaceId}
    AND message.test = ${tenant.test} AND message.verification_id IS NULL`;
  const isMovable = sql<boolean>`${which} AND message.status = 'scheduled' AND message.expires_at > ${at}`;
  const {
    found: [row],
  } = await commitAs(ctx, {
    writes: [
      settleDue(db, tenant, at),
      body.metadata === undefined
        ? []
        : sql`UPDATE message SET metadata = ${JSON.stringify(body.metadata)} WHERE ${sendAt === null ? which : isMovable}`,
      sendAt === null ? [] : scheduleAt(db, { which: isMovable, sendAt, at }),
    ],
    reads: { found: selectMessage(db, tenant, id) },
  });
  if (!row) throw new AppError("message-not-found");
  const message = toMessage(row, { now: at, scopes: actor.scopes });
  if (sendAt !== null && message.status !== "scheduled") throw notWaiting(message);
  return message;
}
