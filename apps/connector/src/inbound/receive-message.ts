import { tokenIn } from "@sandi/contracts";
import type { ReceivedMessage, Said } from "../baileys/receive-messages.ts";
import { receivedMaxAgeMs, receivedStatements, wasReceived } from "../store/received.ts";
import { sealEvent } from "../store/sealed-events.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import { applyChange } from "./apply-change.ts";
import { type InboundContext, timeOf } from "./context.ts";
import { storeMessage } from "./store-message.ts";

/** Stores a message and reports it to the edge, once however often WhatsApp delivers it. Rejects with `LeaseLost`. */
export type ReceiveMessage = (fence: Fence, message: ReceivedMessage) => Promise<void>;

/** A message that cannot be read is reported after this time: mostly its author's phone has sent it again by then. */
const healMs = 10_000;

export function createReceiver(context: InboundContext): ReceiveMessage {
  const { services, store, pseudonym, logger } = context;
  return async (fence, { said, ...message }) => {
    if ("change" in said) return applyChange(context, fence, { ...message, change: said.change });
    if (said.content.type === "undecryptable") {
      services.after(healMs, () => {
        wasReceived(store, fence.sessionId, pseudonym(message.waId))
          .then((isHealed) => (isHealed ? undefined : storeMessage(context, fence, { ...message, said })))
          .catch((error: unknown) => logger.warn({ error }, "a message that cannot be read was not reported"));
      });
      return;
    }
    const token = message.group === null && message.origin === null ? tokenOf(said) : null;
    if (token === null) return storeMessage(context, fence, { ...message, said });
    return reportToken(context, fence, { ...message, token });
  };
}

/** Reports the token of a verification. The message belongs to the verification, so nothing else is kept of it. */
async function reportToken(
  { services, store, atRest, pseudonym, chats, onAppended }: InboundContext,
  fence: Fence,
  { waId, from, names, at, token }: Omit<ReceivedMessage, "said"> & { token: string },
): Promise<void> {
  const now = services.now();
  if (now.getTime() - at.getTime() > receivedMaxAgeMs) return;
  const { sessionId } = fence;
  const id = services.newId("evt");
  const wroteAt = timeOf(at, now).toISOString();
  const event = { id, type: "message.received", sessionId, at: wroteAt, from, token, isForwarded: false } as const;
  const body = await sealEvent(atRest(sessionId), event);
  // The pseudonym has a fixed length. The sender can choose an id of any length.
  await writeFenced(store, fence, [
    ...receivedStatements(fence, { waId: pseudonym(waId), eventId: id, body, at: now }),
    ...chats.wrote(fence, names),
  ]);
  onAppended();
}

/** The token in a text. A forwarded text has none, because somebody else wrote it. */
export function tokenOf({
  content,
  isForwarded,
}: Pick<Extract<Said, { content: unknown }>, "content" | "isForwarded">) {
  return content.type === "text" && !isForwarded ? tokenIn(content.text) : null;
}
