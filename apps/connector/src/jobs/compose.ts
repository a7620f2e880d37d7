import type { FailureReason } from "@sandi/contracts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import { inContext, jidOf, type Quote } from "../content/context.ts";
import { wrapped } from "../content/media.ts";
import { whatsappId } from "../content/whatsapp-ids.ts";
import { decode, type WireMessage } from "../content/wire.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { Media } from "../media/feature.ts";
import type { Services } from "../services.ts";
import type { LiveSession } from "../session/live.ts";
import type { OpenedMessage } from "./open-message.ts";

interface Context {
  services: Pick<Services, "random">;
  deliveries: Pick<Deliveries, "message">;
  media: Pick<Media, "sendFile">;
}

interface Draft {
  live: Pick<LiveSession, "fence" | "session">;
  socket: Pick<WhatsAppSocket, "media">;
  /** The recipient's jid. */
  chat: string;
  waId: string;
  opened: OpenedMessage;
  /** A recipient may have an earlier attempt. */
  mayHaveArrived: boolean;
}

/**
 * The message as WhatsApp is sent it: with its file, with what it quotes and names, and with its secret. Answers with why
 * its file cannot be sent. Rejects when that can be tried later.
 */
export async function compose(context: Context, draft: Draft): Promise<WireMessage | FailureReason> {
  const { media, write, around } = draft.opened;
  const earlier = draft.mayHaveArrived ? await earlierOf(context, draft) : null;
  // The file of an earlier attempt lies at WhatsApp already.
  if (media && earlier) return earlier;
  const file = media && (await context.media.sendFile(draft.socket, media));
  if (typeof file === "string") return file;
  const message = write(file);
  if (!message) return "unreadable";
  const { quotedMessageId, mentions } = around;
  const quote = quotedMessageId === undefined ? null : await quoteOf(context, draft, quotedMessageId);
  // Votes and edits are encrypted with the secret. All attempts have the same one, because any of them may arrive.
  const messageSecret = earlier?.messageContextInfo?.messageSecret ?? context.services.random(32);
  return { ...wrapped(inContext(message, { quote, mentions })), messageContextInfo: { messageSecret } };
}

/** A quote of a message of this session. Its content is shown to nobody but its recipient. */
async function quoteOf({ deliveries }: Context, { live, chat }: Draft, messageId: string): Promise<Quote> {
  const waId = whatsappId(messageId);
  const bytes = await deliveries.message(live.fence.sessionId, waId, [chat]);
  return { waId, author: jidOf(live.session.machine.phone ?? ""), message: bytes && decode(bytes) };
}

async function earlierOf({ deliveries }: Context, { live, chat, waId }: Draft): Promise<WireMessage | null> {
  const bytes = await deliveries.message(live.fence.sessionId, waId, [chat]);
  return bytes && decode(bytes);
}
