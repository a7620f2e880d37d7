import type { AtRest } from "@sandi/crypto";
import { tokenIn } from "@sandi/contracts";
import type { ReceivedMessage } from "../baileys/receive-messages.ts";
import type { Chats } from "../store/chats.ts";
import type { Services } from "../services.ts";
import type { Pseudonym } from "../store/pseudonyms.ts";
import { receivedMaxAgeMs, receivedStatements } from "../store/received.ts";
import { sealEvent } from "../store/sealed-events.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import type { Store } from "../store/store.ts";

/** Reports a message to the edge, once however often WhatsApp delivers it. Rejects with `LeaseLost`. */
export type ReceiveMessage = (fence: Fence, message: ReceivedMessage) => Promise<void>;

interface Options {
  services: Pick<Services, "now" | "newId">;
  store: Store;
  atRest: (sessionId: string) => AtRest;
  pseudonym: Pseudonym;
  chats: Chats;
  /** There is something in the outbox. */
  onAppended: () => void;
}

export function createReceiver({ services, store, atRest, pseudonym, chats, onAppended }: Options): ReceiveMessage {
  return async (fence, { waId, from, names, content, isForwarded, at }) => {
    const now = services.now();
    if (now.getTime() - at.getTime() > receivedMaxAgeMs) return;
    // A time in the future, or an invalid one, becomes the present.
    const wroteAt = new Date(Math.min(at.getTime() || now.getTime(), now.getTime())).toISOString();
    const { sessionId } = fence;
    const token = tokenOf({ content, isForwarded });
    const id = services.newId("evt");
    const event = { id, type: "message.received", sessionId, at: wroteAt, from, token, isForwarded } as const;
    const body = await sealEvent(atRest(sessionId), event);
    // The pseudonym has a fixed length. The sender can choose an id of any length.
    await writeFenced(store, fence, [
      ...receivedStatements(fence, { waId: pseudonym(waId), eventId: id, body, at: now }),
      ...chats.wrote(fence, names),
    ]);
    onAppended();
  };
}

/** The token in a text. A forwarded text has none, because somebody else wrote it. */
export function tokenOf({ content, isForwarded }: Pick<ReceivedMessage, "content" | "isForwarded">): string | null {
  return content.type === "text" && !isForwarded ? tokenIn(content.text) : null;
}
