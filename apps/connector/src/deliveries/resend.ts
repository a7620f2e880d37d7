import type { AtRest } from "@sandi/crypto";
import { revocation } from "../content/revocation.ts";
import { revocationId } from "../content/whatsapp-ids.ts";
import { encode } from "../content/wire.ts";
import type { Services } from "../services.ts";
import { actionMessage, findAction } from "../store/actions.ts";
import { findByWaId, ledgerChat, type LedgerEntry, ledgerMessage } from "../store/ledger.ts";
import type { Pseudonym } from "../store/pseudonyms.ts";
import type { Store } from "../store/store.ts";

interface Options {
  services: Pick<Services, "now">;
  store: Store;
  atRest: (sessionId: string) => AtRest;
  pseudonym: Pseudonym;
}

/** The recipient's jid; null when it is deleted already. */
export async function openChat(
  { atRest }: Pick<Options, "atRest">,
  { sessionId, waId, sealedChat }: Pick<LedgerEntry, "sessionId" | "waId" | "sealedChat">,
): Promise<string | null> {
  return sealedChat === null ? null : ledgerChat.open(atRest(sessionId), sealedChat, waId);
}

/** Whether one of these jids is the recipient's. */
export function isOneOf(
  { pseudonym }: Pick<Options, "pseudonym">,
  { chat, chatLid }: Pick<LedgerEntry, "chat" | "chatLid">,
  jids: readonly string[],
): boolean {
  const names = jids.map(pseudonym);
  return names.some((name) => name === chat || name === chatLid);
}

/** What was sent under an id of WhatsApp's, for a device of this person that could not decrypt it: a message, an action or a revocation. */
export async function findSent(
  options: Options,
  sessionId: string,
  { waId, person }: { waId: string; person: string[] },
): Promise<Uint8Array | null> {
  const { services, store, atRest } = options;
  const entry = await findByWaId(store, sessionId, waId);
  if (!entry) {
    const sent = { waId, person };
    return (await actionOf(options, sessionId, sent)) ?? revocationOf(options, sessionId, sent);
  }
  if (!entry.sealed || !entry.sealedUntil || entry.sealedUntil <= services.now()) return null;
  if (!isOneOf(options, entry, person)) return null;
  return atRest(sessionId).open(entry.sealed, ledgerMessage.context(waId));
}

async function actionOf(
  { store, atRest, pseudonym }: Options,
  sessionId: string,
  { waId, person }: { waId: string; person: string[] },
): Promise<Uint8Array | null> {
  const action = await findAction(store, sessionId, waId);
  if (!action || !person.map(pseudonym).includes(action.chat)) return null;
  return atRest(sessionId).open(action.sealed, actionMessage.context(waId));
}

async function revocationOf(
  options: Options,
  sessionId: string,
  { waId: ofRevocation, person }: { waId: string; person: string[] },
): Promise<Uint8Array | null> {
  // The id of a revocation leads back to that of its message.
  const waId = revocationId(ofRevocation);
  const entry = await findByWaId(options.store, sessionId, waId);
  if (!entry || !isOneOf(options, entry, person)) return null;
  const jid = await openChat(options, entry);
  return jid === null ? null : encode(revocation(jid, waId));
}
