import type { Services } from "../services.ts";

/** The server's answer to a message; `unknown` when no answer will come. */
export type Ack = { type: "sent" } | { type: "refused"; error: string } | { type: "unknown" };

/** An expected ack. It becomes `unknown` when the socket closes, or after the time that `within` sets. */
export interface AwaitedAck {
  within(timeoutMs: number): Promise<Ack>;
  /** Stops listening. */
  cancel(): void;
}

/** The acks that one session waits for. */
export interface Acks {
  /** Listens for the answer to a message. Call it before the send, because the answer can be fast. */
  await(waId: string): AwaitedAck;
  /** How many acks are expected. */
  count(): number;
  /** False when nobody waits for this ack. */
  answer(waId: string, ack: Ack): boolean;
  /** Resolves all acks as `unknown`, because the socket is closed. */
  abandon(): void;
}

/** @param onUnanswered called for each ack that timed out */
export function createAcks({ after }: Pick<Services, "after">, onUnanswered: () => void): Acks {
  const waiting = new Map<string, (ack: Ack) => void>();
  return {
    await(waId) {
      const { promise, resolve } = Promise.withResolvers<Ack>();
      let cancelTimer: (() => void) | undefined;
      const answer = (ack: Ack) => {
        cancelTimer?.();
        if (waiting.get(waId) === answer) waiting.delete(waId);
        resolve(ack);
      };
      waiting.set(waId, answer);
      return {
        within(timeoutMs) {
          if (waiting.get(waId) === answer)
            cancelTimer = after(timeoutMs, () => {
              answer({ type: "unknown" });
              onUnanswered();
            });
          return promise;
        },
        cancel: () => answer({ type: "unknown" }),
      };
    },
    count: () => waiting.size,
    answer(waId, ack) {
      const waiter = waiting.get(waId);
      waiter?.(ack);
      return waiter !== undefined;
    },
    abandon() {
      for (const answer of Array.from(waiting.values())) answer({ type: "unknown" });
    },
  };
}
