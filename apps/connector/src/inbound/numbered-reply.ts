import type { Reply } from "@sandi/contracts";
import type { ReceivedMessage, Said } from "../baileys/receive-messages.ts";
import { mostReplyLength, replyTo } from "../content/options.ts";
import type { Conversation } from "../store/conversations.ts";
import type { InboundContext } from "./context.ts";

interface Written extends Pick<ReceivedMessage, "group" | "origin" | "names"> {
  said: Pick<Extract<Said, { content: unknown }>, "content" | "quoted" | "isForwarded">;
  chat: Conversation;
}

/**
 * The option that a text chooses, and our id of the message that has it: the quoted one, or the latest of the chat that was
 * sent as a numbered text. Null when it chooses none.
 */
export async function numberedReply(
  { numbered }: Pick<InboundContext, "numbered">,
  sessionId: string,
  { said: { content, quoted, isForwarded }, group, origin, names, chat }: Written,
): Promise<{ reply: Reply; messageId: string } | null> {
  if (content.type !== "text" || content.text.length > mostReplyLength) return null;
  if (origin !== null || isForwarded) return null;
  const { pn, lid } = chat.names;
  const jids = group === null ? [pn, lid, ...names].filter((jid) => jid !== null) : [group];
  const asked = await numbered.find(sessionId, { chat: [...new Set(jids)], quoted: quoted?.waId ?? null });
  const reply = asked && replyTo(content, asked.options);
  return reply && { reply, messageId: asked.messageId };
}
