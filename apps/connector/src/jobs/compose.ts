import { inContext, jidOf, type Quote } from "../content/context.ts";
import { type SentFile, wrapped } from "../content/media.ts";
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
export async function findQuote(kept: Kept, messageId: string): Promise<Quote> {
  const waId = whatsappId(messageId);
  return { waId, author: jidOf(kept.live.session.machine.phone ?? ""), message: await findEarlier(kept, waId) };
}

/** The message of an earlier attempt, which may have arrived: votes and edits are encrypted with its secret. */
export async function findEarlier({ deliveries, live, chat }: Kept, waId: string): Promise<WireMessage | null> {
  const bytes = await deliveries.message(live.fence.sessionId, waId, [chat]);
  return bytes && decode(bytes);
}

interface Around {
  /** The file, which lies at WhatsApp already; null for a kind without one. */
  file: SentFile | null;
  /** The message that this one forwards; null for one with a content of its own. */
  forwarded: WireMessage | null;
  quote: Quote | null;
  messageSecret: Uint8Array;
}

/** The message as WhatsApp is sent it; null when it cannot be made. */
export function compose(
  { write, around: { mentions } }: OpenedMessage,
  { file, forwarded, quote, messageSecret }: Around,
): WireMessage | null {
  if (forwarded) return { ...forwarded, messageContextInfo: { messageSecret } };
  const message = write(file);
  return message && { ...wrapped(inContext(message, { quote, mentions })), messageContextInfo: { messageSecret } };
}
