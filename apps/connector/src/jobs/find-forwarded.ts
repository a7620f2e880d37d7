import type { FailureReason } from "@sandi/contracts";
import type { AtRest } from "@sandi/crypto";
import { forwardReceived, forwardSent } from "../content/forward.ts";
import type { WireMessage } from "../content/wire.ts";
import { findKept, openSent } from "../inbound/kept-message.ts";
import type { Services } from "../services.ts";
import { findSentMessages } from "../store/ledger.ts";
import type { Store } from "../store/store.ts";

interface Kept {
  services: Pick<Services, "now">;
  store: Pick<Store, "client">;
  atRest: (sessionId: string) => AtRest;
}

/** A message of the session as it is forwarded, without a secret; or why it cannot be. Codes are not found. */
export async function findForwarded(
  kept: Kept,
  sessionId: string,
  messageId: string,
): Promise<WireMessage | FailureReason> {
  const [entry] = await findSentMessages(kept.store, sessionId, [messageId]);
  const sent = entry && (await openSent(kept, entry));
  if (sent) return forwardSent(sent) ?? "not_forwardable";
  const body = (await findKept(kept, sessionId, messageId))?.body;
  if (!body) return "content_not_kept";
  const isWithoutFile = "media" in body.content && body.file === undefined && !("isViewOnce" in body.content);
  if (isWithoutFile) return "content_not_kept";
  return forwardReceived(body, kept.services.now()) ?? "not_forwardable";
}
