import { findByWaId, type LedgerEntry } from "../store/ledger.ts";
import { findMessage, type MessageRow } from "../store/messages.ts";
import type { InboundContext } from "./context.ts";

/** A message that the session has received or sent. */
export interface ReceivedOrSent {
  messageId: string;
  /** Null: it was sent, and is in no chat. */
  row: MessageRow | null;
  /** Null: it is in a chat. */
  sent: LedgerEntry | null;
}

/** Finds a message by WhatsApp's id; null when it is unknown. */
export async function findReceivedOrSent(
  { store, pseudonym }: Pick<InboundContext, "store" | "pseudonym">,
  sessionId: string,
  waId: string,
): Promise<ReceivedOrSent | null> {
  const row = await findMessage(store, sessionId, pseudonym(waId));
  if (row) return { messageId: row.id, row, sent: null };
  const sent = await findByWaId(store, sessionId, waId);
  return sent && { messageId: sent.messageId, row: null, sent };
}
