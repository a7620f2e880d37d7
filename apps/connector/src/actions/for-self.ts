import { AppError } from "@sandi/contracts";
import { deleteForMe, type MessageName, NotChanged, starMessage } from "../baileys/app-state.ts";
import { NoAnswer } from "../baileys/no-answer.ts";
import type { OwnChange } from "../baileys/own-changes.ts";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import type { ApplyOwnChange } from "../inbound/apply-own-change.ts";
import type { LiveSession } from "../session/live.ts";
import { LeaseLost } from "../store/fence.ts";
import { type ActionContext, notAnswered } from "./perform.ts";
import { findTarget, type Target } from "./target.ts";

/** What these actions work with. */
export interface SelfContext extends ActionContext {
  applyOwnChange: ApplyOwnChange;
}

interface Asked {
  messageId: string;
  change:
    | Extract<OwnChange, { type: "star" }>
    /** `sentAt`: when the message was sent or received. */
    | (Extract<OwnChange, { type: "deleteForMe" }> & { sentAt: Date });
}

/**
 * Does something with a message for the account alone: its other devices get it with the app state, and it is stored as if
 * the phone had done it. To do it again changes nothing. Throws `outcome-unknown` when it may have happened.
 */
export async function doForSelf(
  context: SelfContext,
  { live, socket }: { live: LiveSession; socket: WhatsAppSocket },
  { messageId, change }: Asked,
): Promise<{ at: string }> {
  const { fence } = live;
  const target = await findTarget(context, fence.sessionId, messageId);
  if (!target) throw new AppError("message-not-kept");
  const now = context.services.now();
  const name = { ...nameOf(target), now };
  const asking =
    change.type === "star"
      ? socket.call(starMessage, { ...name, isStarred: change.isStarred })
      : socket.call(deleteForMe, { ...name, at: change.sentAt });
  await asking.catch((cause: unknown) => {
    const mayHaveHappened = cause instanceof NoAnswer && !(cause instanceof NotChanged);
    if (mayHaveHappened) throw new AppError("outcome-unknown", { retryAfter: 2, cause });
    return notAnswered(live, socket, cause);
  });
  try {
    await context.applyOwnChange(fence, target.waId, change);
  } catch (cause) {
    if (cause instanceof LeaseLost) live.lose();
    context.logger.warn({ error: cause }, "an action was not stored");
    throw new AppError("outcome-unknown", { retryAfter: 2, cause });
  }
  context.logger.info({ messageId, action: change.type }, "an action was acknowledged");
  return { at: now.toISOString() };
}

const nameOf = ({ chat, waId, author, group }: Target): MessageName => ({
  chat,
  waId,
  isOwn: author === null,
  author: group === null ? null : author,
});
