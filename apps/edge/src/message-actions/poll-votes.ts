import { AppError, type PollVotes, ReadMessagesRpc } from "@sandi/contracts";
import type { z } from "zod";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { findMessage } from "../messages/repository.ts";
import { votesOf } from "../messages/with-content.ts";
import { ask } from "../sessions/connector.ts";

/** Who voted for what, as the session's connector knows it. */
export async function pollVotes({ services, actor }: Context, id: string): Promise<z.output<typeof PollVotes>> {
  const row = await findMessage(services.db, tenantOf(actor), id, services.now().getTime());
  if (!row) throw new AppError("message-not-found");
  if (row.type !== "poll") throw new AppError("not-a-poll");
  const { messages } = await ask(services, ReadMessagesRpc, { sessionId: row.sessionId, messageIds: [id] });
  const stored = messages.find((message) => message.id === id);
  if (!stored?.content) throw new AppError("message-not-kept");
  return { votes: votesOf(stored) };
}
