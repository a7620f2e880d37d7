import type { AtRest } from "@sandi/crypto";
import { decode, type WireMessage } from "../content/wire.ts";
import { type LedgerEntry, ledgerMessage } from "../store/ledger.ts";
import { findMessages, type MessageRow, openBody } from "../store/messages.ts";
import type { Store } from "../store/store.ts";
import type { MessageBody } from "./context.ts";

interface Parts {
  store: Pick<Store, "client">;
  atRest: (sessionId: string) => AtRest;
}

/** A message of a chat with what is kept of it; null when that is deleted, or there is no such message. */
export async function findKept(
  { store, atRest }: Parts,
  sessionId: string,
  messageId: string,
): Promise<{ row: MessageRow; body: MessageBody } | null> {
  const [row] = await findMessages(store, sessionId, [messageId]);
  const body = row && (await openBody<MessageBody>(atRest(sessionId), row));
  return row && body ? { row, body } : null;
}

/** A message as it was sent; null when it is deleted already. */
export async function openSent(
  { atRest }: Pick<Parts, "atRest">,
  { sessionId, waId, sealed }: Pick<LedgerEntry, "sessionId" | "waId" | "sealed">,
): Promise<WireMessage | null> {
  return sealed === null ? null : decode(await atRest(sessionId).open(sealed, ledgerMessage.context(waId)));
}
