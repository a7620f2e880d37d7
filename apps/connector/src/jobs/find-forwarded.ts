import type { FailureReason } from "@sandi/contracts";
import type { AtRest } from "@sandi/crypto";
import { forwardReceived, forwardSent } from "../content/forward.ts";
import { decode, type WireMessage } from "../content/wire.ts";
import type { MessageBody } from "../inbound/context.ts";
import type { Services } from "../services.ts";
import { findSentMessages, ledgerMessage } from "../store/ledger.ts";
import { findMessages, openMessage } from "../store/messages.ts";
import type { Store } from "../store/store.ts";

interface Kept {
  services: Pick<Services, "now">;
  store: Pick<Store, "client">;
  atRest: (sessionId: string) => AtRest;
}

/** A message of the session as it is forwarded, without a secret; or why it cannot be. Codes are not found. */
export async function findForwarded(
  { services, store, atRest }: Kept,
  sessionId: string,
  messageId: string,
): Promise<WireMessage | FailureReason> {
  const [sent] = await findSentMessages(store, sessionId, [messageId]);
  if (sent?.sealed) {
    const bytes = await atRest(sessionId).open(sent.sealed, ledgerMessage.context(sent.waId));
    return forwardSent(decode(bytes)) ?? "not_forwardable";
  }
  const [received] = await findMessages(store, sessionId, [messageId]);
  const body = received && (await openMessage<MessageBody>(atRest(sessionId), received));
  if (!body) return "content_not_kept";
  const isWithoutFile = "media" in body.content && body.file === undefined && !("isViewOnce" in body.content);
  if (isWithoutFile) return "content_not_kept";
  return forwardReceived(body, services.now()) ?? "not_forwardable";
}
