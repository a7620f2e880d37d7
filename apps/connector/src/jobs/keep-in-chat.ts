import type { InStatement } from "@libsql/client";
import type { KeepSent } from "../inbound/keep-sent.ts";
import type { OnlineSession } from "./resolve-session.ts";

interface Sent extends Pick<Parameters<KeepSent>[1], "messageId" | "waId" | "type" | "message"> {
  /** The jid of the recipient. */
  chat: string;
  quotedMessageId: string | undefined;
}

/** The statements that keep a message in the chat with its recipient. */
export async function keepInChat(
  { keepSent }: { keepSent: KeepSent },
  { fence, socket }: Pick<OnlineSession, "fence" | "socket">,
  { chat, quotedMessageId, ...sent }: Sent,
): Promise<InStatement[]> {
  const lid = await socket.lidOf(chat).catch(() => null);
  return keepSent(fence, { ...sent, names: { pn: chat, lid }, quotedMessageId: quotedMessageId ?? null });
}
