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

/** What comes in, session by session. */
export interface Receiver {
  receive: ReceiveMessage;
  /** Resolves when the messages that the session has received so far are stored. */
  settled(sessionId: string): Promise<void>;
}

/** A message that cannot be read is reported after this time: mostly its author's phone has sent it again by then. */
const healMs = 10_000;
/** A token that was written less than this ago counts, even if its author was erased meanwhile. */
const newTokenMs = 60_000;

export function createReceiver(context: InboundContext): Receiver {
  const { services, store, pseudonym, logger, erased } = context;
  const running = new Map<string, Set<Promise<void>>>();

  async function take(fence: Fence, { said, ...message }: ReceivedMessage): Promise<void> {
    const isTheirs = message.group === null && message.origin === null;
    const token = isTheirs && !("change" in said) ? tokenOf(said) : null;
    const isNew = token !== null && services.now().getTime() - message.at.getTime() < newTokenMs;
    if (!isNew && (await erased.covers(fence.sessionId, message.names, message.at))) return;
    if ("change" in said) return applyChange(context, fence, { ...message, change: said.change });
    if (token !== null) return reportToken(context, fence, { ...message, token });
    if (said.content.type !== "undecryptable") return storeMessage(context, fence, { ...message, said });
    services.after(healMs, () => {
      tracked(fence, () => unhealed(fence, { ...message, said })).catch((error: unknown) =>
        logger.warn({ error }, "a message that cannot be read was not reported"),
      );
    });
  }

  /** Reports a message that can still not be read. */
  async function unhealed(fence: Fence, message: Parameters<typeof storeMessage>[2]): Promise<void> {
    const { sessionId } = fence;
    if (await wasReceived(store, sessionId, pseudonym(message.waId))) return;
    if (await erased.covers(sessionId, message.names, message.at)) return;
    await storeMessage(context, fence, message);
  }

  function tracked({ sessionId }: Fence, work: () => Promise<void>): Promise<void> {
    const ofSession = running.get(sessionId) ?? new Set();
    running.set(sessionId, ofSession);
    const taken = work().finally(() => {
      ofSession.delete(taken);
      if (ofSession.size === 0) running.delete(sessionId);
    });
    ofSession.add(taken);
    return taken;
  }

  return {
    receive: (fence, message) => tracked(fence, () => take(fence, message)),
    async settled(sessionId) {
      await Promise.allSettled(running.get(sessionId) ?? new Set<Promise<void>>());
    },
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
