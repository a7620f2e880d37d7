import { AppError, ReachabilityRpc } from "@sandi/contracts";
import { Hono } from "hono";
import type { HttpEnv } from "../http.ts";
import { LookUpsExhausted } from "../numbers/look-up-budget.ts";
import { NotKnown, type Numbers, type Reached } from "../numbers/numbers.ts";
import type { Services } from "../services.ts";
import type { AnswerRpc } from "./request.ts";

/** Null when WhatsApp did not say. */
const isReached = (jid: Reached) => (jid instanceof NotKnown ? null : jid !== null);

/** What the edge asks of numbers. */
export function numberRpc(rpc: AnswerRpc, numbers: Numbers, { now }: Pick<Services, "now">): Hono<HttpEnv> {
  const secondsTo = (at: Date) => Math.max(1, Math.ceil((at.getTime() - now().getTime()) / 1000));
  return new Hono<HttpEnv>().post(
    ReachabilityRpc.path,
    rpc(ReachabilityRpc, async (live, { sessionId, numbers: asked }) => {
      const socket = live.online();
      if (!socket) throw new AppError("session-not-online");
      const digits = asked.map((number) => number.slice(1));
      const { workspaceId } = live;
      const jids = await numbers
        .jidsOf(digits, { workspaceId, sessionId, purpose: "lookUp", ask: (unknown) => socket.lookUp(unknown) })
        .catch((cause: unknown) => {
          if (cause instanceof LookUpsExhausted) {
            throw new AppError("lookups-exhausted", { retryAfter: secondsTo(cause.until), cause });
          }
          if (live.online() !== socket) throw new AppError("session-not-online", { cause });
          throw new AppError("connector-unavailable", { detail: "WhatsApp did not answer.", retryAfter: 2, cause });
        });
      return { results: asked.map((number, i) => ({ number, isOnWhatsApp: isReached(jids[i]!) })) };
    }),
  );
}
