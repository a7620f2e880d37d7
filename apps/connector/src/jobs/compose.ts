import { inContext, jidOf, type Quote } from "../content/context.ts";
import { whatsappId } from "../content/whatsapp-ids.ts";
import { decode, type WireMessage } from "../content/wire.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { Services } from "../services.ts";
import type { LiveSession } from "../session/live.ts";
import type { OpenedMessage } from "./open-message.ts";

interface Context {
  services: Pick<Services, "random">;
  deliveries: Pick<Deliveries, "message">;
}

interface Draft {
  live: Pick<LiveSession, "fence" | "session">;
  /** The recipient's jid. */
  chat: string;
  waId: string;
  opened: OpenedMessage;
  /** A recipient may have an earlier attempt. */
  mayHaveArrived: boolean;
}

/** The message as WhatsApp is sent it: with what it quotes and names, and with its secret. */
export async function compose(context: Context, draft: Draft): Promise<WireMessage> {
  const { message, around } = draft.opened;
  const { quotedMessageId, mentions } = around;
  const quote = quotedMessageId === undefined ? null : await quoteOf(context, draft, quotedMessageId);
  return {
    ...inContext(message, { quote, mentions }),
    messageContextInfo: { messageSecret: await secretOf(context, draft) },
  };
}

/** A quote of a message of this session. Its content is shown to nobody but its recipient. */
async function quoteOf({ deliveries }: Context, { live, chat }: Draft, messageId: string): Promise<Quote> {
  const waId = whatsappId(messageId);
  const bytes = await deliveries.message(live.fence.sessionId, waId, [chat]);
  return { waId, author: jidOf(live.session.machine.phone ?? ""), message: bytes && decode(bytes) };
}

/** Votes and edits are encrypted with the secret. All attempts have the same one, because any of them may arrive. */
async function secretOf({ services, deliveries }: Context, { live, chat, waId, mayHaveArrived }: Draft) {
  const earlier = mayHaveArrived ? await deliveries.message(live.fence.sessionId, waId, [chat]) : null;
  return (earlier && decode(earlier).messageContextInfo?.messageSecret) ?? services.random(32);
}
