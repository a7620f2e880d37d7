import { inContext, jidOf, type Quote } from "../content/context.ts";
import { whatsappId } from "../content/whatsapp-ids.ts";
import { decode, type WireMessage } from "../content/wire.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { LiveSession } from "../session/live.ts";
import type { OpenedMessage } from "./open-message.ts";

interface Kept {
  deliveries: Pick<Deliveries, "message">;
  live: Pick<LiveSession, "fence" | "session">;
  /** The jid of the recipient, who alone is shown a kept message. */
  chat: string;
}

/** A quote of a message that this session sent in this chat; without its content when that is deleted. */
export async function findQuote({ deliveries, live, chat }: Kept, messageId: string): Promise<Quote> {
  const waId = whatsappId(messageId);
  const bytes = await deliveries.message(live.fence.sessionId, waId, [chat]);
  return { waId, author: jidOf(live.session.machine.phone ?? ""), message: bytes && decode(bytes) };
}

/** The secret of an earlier attempt, which may have arrived: votes and edits are encrypted with it. */
export async function findSecret({ deliveries, live, chat }: Kept, waId: string): Promise<Uint8Array | null> {
  const bytes = await deliveries.message(live.fence.sessionId, waId, [chat]);
  return (bytes && decode(bytes).messageContextInfo?.messageSecret) ?? null;
}

/** The message as WhatsApp is sent it. */
export function compose(
  { message, around: { mentions } }: OpenedMessage,
  { quote, messageSecret }: { quote: Quote | null; messageSecret: Uint8Array },
): WireMessage {
  return { ...inContext(message, { quote, mentions }), messageContextInfo: { messageSecret } };
}
