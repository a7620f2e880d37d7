import { AppError, type MessageReceipt, type MessageReceipts, MessageReceiptsRpc } from "@sandi/contracts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { ask } from "../sessions/connector.ts";
import { toMessage } from "./present.ts";
import { findMessage } from "./repository.ts";

/** Who has received, read and played a message of the API. Of a message to one person, the edge has the times itself. */
export async function receiptsOf(ctx: Context, id: string): Promise<MessageReceipts> {
  const { services, actor } = ctx;
  const at = services.now().getTime();
  const tenant = tenantOf(actor);
  const row = await findMessage(services.db, tenant, id, at);
  if (!row) throw new AppError("message-not-found");
  const message = toMessage(row, { now: at, scopes: actor.scopes });
  const { sessionId, chatId, deliveredAt, readAt, playedAt } = message;
  if (message.origin !== "api" || message.sentAt === null) return { receipts: [] };
  const one = (person: MessageReceipt["person"]): MessageReceipts => ({
    receipts: deliveredAt === null ? [] : [{ person, deliveredAt, readAt, playedAt }],
  });
  if (tenant.test === 1 || sessionId === null) return one(null);
  const answer = await ask(services, MessageReceiptsRpc, { sessionId, messageId: id, chatId });
  return answer.receipts === null ? one(answer.person) : { receipts: answer.receipts };
}
