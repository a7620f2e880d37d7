import { AppError, DeleteForMeRpc, EditMessageRpc, ReactRpc, RevokeMessageRpc, VoteRpc } from "@sandi/contracts";
import { sql } from "kysely";
import { seesAccounts } from "../auth/powers.ts";
import type { Context } from "../context.ts";
import { moveMessages } from "../messages/life.ts";
import type { MessageRow } from "../messages/present.ts";
import { noteChange } from "../messages/received.ts";
import { newId } from "../services.ts";
import { commitAs } from "../writes/commit-as.ts";

/** Whether the key is shown a message to a number without an account, as if its phone were off. */
export const isHidden = ({ failure }: MessageRow, { scopes }: Context["actor"]): boolean =>
  failure === "not_on_whatsapp" && !seesAccounts(scopes);

/** The connector has no such message. For a phone that is off, the action would have succeeded. */
export function asIfOff(error: unknown, at: number): { at: string } {
  if (error instanceof AppError && error.code === "message-not-kept") return { at: new Date(at).toISOString() };
  throw error;
}

/** What the connector would have reported. */
const events: Partial<Record<string, "message.edited" | "message.reaction" | "poll.vote" | "message.deleted">> = {
  [EditMessageRpc.path]: "message.edited",
  [ReactRpc.path]: "message.reaction",
  [VoteRpc.path]: "poll.vote",
  [DeleteForMeRpc.path]: "message.deleted",
};

/** Stores what the message shows of an action that only seems to have happened. */
export async function storeAsIfOff(
  ctx: Context,
  { row: { id, sessionId }, path, at }: { row: MessageRow; path: string; at: string },
): Promise<void> {
  const { services, actor } = ctx;
  const { db } = services;
  const type = events[path];
  const which = sql<boolean>`id = ${id} AND workspace_id = ${actor.workspaceId}`;
  const about = { id: newId(services, "evt"), seq: 0, messageId: id, sessionId, at, personId: null };
  await commitAs(ctx, {
    writes: [
      ...(type === undefined ? [] : noteChange(db, { ...about, type })),
      ...(path === RevokeMessageRpc.path ? [moveMessages(db, "revokeUnsent", { which, at: Date.parse(at) })] : []),
    ],
  });
}
