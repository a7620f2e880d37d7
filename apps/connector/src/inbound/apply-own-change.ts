import type { OwnChange } from "../baileys/own-changes.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import { markContent, markStatement } from "../store/marks.ts";
import { deleteForMeStatement } from "../store/messages.ts";
import { appendStatement } from "../store/outbox.ts";
import type { InboundContext } from "./context.ts";
import { findReceivedOrSent } from "./received-or-sent.ts";

/** Applies what the account did to a message for itself alone. `waId` is WhatsApp's id of the message. */
export type ApplyOwnChange = (fence: Fence, waId: string, change: OwnChange) => Promise<void>;

type Parts = Pick<InboundContext, "services" | "store" | "atRest" | "pseudonym" | "onAppended">;

/** Nothing is known of messages that the store does not have. Rejects with `LeaseLost`. */
export function createOwnChanges(parts: Parts): ApplyOwnChange {
  const { services, store, atRest, pseudonym, onAppended } = parts;

  async function star(fence: Fence, target: string, isStarred: boolean): Promise<void> {
    const [now, eventId] = [services.now(), services.newId("evt")];
    const sealed = await markContent.seal(atRest(fence.sessionId), JSON.stringify({ isStarred, target }), eventId);
    const mark = { waId: pseudonym(target), kind: "star", person: "", sealed, eventId, markedAt: now } as const;
    await writeFenced(store, fence, [markStatement(fence, mark, now)]);
  }

  return async (fence, waId, change) => {
    const { sessionId } = fence;
    const known = await findReceivedOrSent(parts, sessionId, waId);
    if (!known) return;
    const { messageId, row } = known;
    if (change.type === "star") return star(fence, waId, change.isStarred);
    const now = services.now();
    const event = { id: services.newId("evt"), type: "message.deleted", sessionId, messageId } as const;
    await writeFenced(store, fence, [
      ...(row ? [deleteForMeStatement(fence, row.waId, now)] : []),
      appendStatement(fence, { ...event, at: now.toISOString() }),
    ]);
    onAppended();
  };
}
