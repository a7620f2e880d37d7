import type { BinaryNode } from "@whiskeysockets/baileys";

/** WhatsApp answered a question in part or not at all. The only thing that follows is to ask again later. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly waitMs: number;

  constructor(message: string, waitMs: number) {
    super(message);
    this.waitMs = waitMs;
  }
}

/** How long to wait when an error does not say it: a code lives for minutes only. */
export const unsaidWaitMs = 60_000;
/** A longer wait is taken for a mistake. */
const longestMs = 86_400_000;

/** How long to wait after an `error` node; its `backoff` is in seconds. */
export function waitOf({ attrs }: BinaryNode): number {
  const seconds = Number(attrs["backoff"]);
  return seconds > 0 ? Math.min(seconds * 1000, longestMs) : unsaidWaitMs;
}

/** The code of an error in an answer of WhatsApp; NaN for any other error. Baileys keeps nothing else of it. */
export const codeOf = (error: unknown): number => Number((error as { data?: unknown } | undefined)?.data ?? Number.NaN);

/** Whether WhatsApp answered, if only with an error. */
export const isAnswer = (error: unknown): boolean => Number.isFinite(codeOf(error));

/** Whether an error is about the server (overloaded or broken) and not about the question. */
export const isOfServer = (code: number): boolean => code === 429 || code >= 500;

/** Rejects with `NoAnswer` where the fault is the server's. */
export function orNoAnswer(error: unknown): never {
  const code = codeOf(error);
  if (isOfServer(code)) throw new NoAnswer(`WhatsApp answered with the error ${code}`, unsaidWaitMs);
  throw error;
}

/** After how many seconds to try again what failed with this error. */
export function secondsUntil(error: unknown): number {
  return error instanceof NoAnswer ? Math.ceil(error.waitMs / 1000) : 1;
}
