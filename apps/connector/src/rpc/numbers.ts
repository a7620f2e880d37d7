import { ReachabilityRpc } from "@sandi/contracts";
import { LookUpsExhausted } from "../numbers/look-up-budget.ts";
import { NotKnown, type Numbers, type Reached } from "../numbers/numbers.ts";
import type { Services } from "../services.ts";
import { handle, type HandledRpc, onlineSocket } from "./handle.ts";

/** Null when WhatsApp did not say. */
const isReached = (jid: Reached) => (jid instanceof NotKnown ? null : jid !== null);

/** The calls about phone numbers. */
export function numberCalls(numbers: Numbers, { now }: Pick<Services, "now">): HandledRpc[] {
  const secondsTo = (at: Date) => Math.max(1, Math.ceil((at.getTime() - now().getTime()) / 1000));
  return [
    handle(ReachabilityRpc, async ({ live, input, refuse }) => {
      const socket = onlineSocket({ live, refuse });
      const { sessionId, numbers: asked } = input;
      const { workspaceId } = live;
      const digits = asked.map((number) => number.slice(1));
      const jids = await numbers
        .jidsOf(digits, { workspaceId, sessionId, purpose: "lookUp", ask: (unknown) => socket.lookUp(unknown) })
        .catch((cause: unknown) => {
          if (cause instanceof LookUpsExhausted) {
            throw refuse("lookups-exhausted", { retryAfter: secondsTo(cause.until), cause });
          }
          if (live.online() !== socket) throw refuse("session-not-online", { cause });
          throw refuse("connector-unavailable", { detail: "WhatsApp did not answer.", retryAfter: 2, cause });
        });
      return { results: asked.map((number, i) => ({ number, isOnWhatsApp: isReached(jids[i]!) })) };
    }),
  ];
}
