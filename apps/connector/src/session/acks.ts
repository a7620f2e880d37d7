import type { Services } from "../services.ts";

/** What the server said of a message, or that nobody can say any more. */
export type Ack = { type: "sent" } | { type: "refused"; error: string } | { type: "unknown" };

/** An answer to come; `unknown` when the socket closes, or when the time is over that `within` sets once it is sent. */
export interface AwaitedAck {
  within(timeoutMs: number): Promise<Ack>;
  /** Listens no longer. */
  cancel(): void;
}

/** The answers that one session waits for. */
export interface Acks {
  /** Listens for the answer to a message; from before it is sent, for the answer can be quick. */
  await(waId: string): AwaitedAck;
  /** How many are waited for. */
  count(): number;
  /** False when nobody waits for it. */
  answer(waId: string, ack: Ack): boolean;
  /** The socket is gone: no answer will come. */
  abandon(): void;
}

/** @param onUnanswered told of each whose time was over */
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
