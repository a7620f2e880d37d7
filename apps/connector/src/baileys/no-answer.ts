import type { BinaryNode } from "@whiskeysockets/baileys";

/** WhatsApp did not say what was asked, or said it in part: nothing follows from it but to ask again later. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly waitMs: number;

  constructor(message: string, waitMs: number) {
    super(message);
    this.waitMs = waitMs;
  }
}

/** When an error does not say how long to wait. WhatsApp's own errors name hours; a code lives for minutes. */
export const unsaidWaitMs = 60_000;
/** What is longer is taken for a mistake. */
const longestMs = 86_400_000;

/** How long to wait after an `error` node; its `backoff` is in seconds. */
export function waitOf({ attrs }: BinaryNode): number {
  const seconds = Number(attrs["backoff"]);
  return seconds > 0 ? Math.min(seconds * 1000, longestMs) : unsaidWaitMs;
}

/** The code of an error that WhatsApp answered with: all that Baileys keeps of it; NaN for another error. */
const codeOf = (error: unknown): number => Number((error as { data?: unknown } | undefined)?.data ?? Number.NaN);

/** Whether a question was answered, though with an error. */
export const isAnswer = (error: unknown): boolean => Number.isFinite(codeOf(error));

/** Whether an error says that the server is overloaded or broken, and nothing of what was asked. */
export const isOfServer = (code: number): boolean => code === 429 || code >= 500;

/** Rejects with `NoAnswer` where the fault is the server's. */
export function orNoAnswer(error: unknown): never {
  const code = codeOf(error);
  if (isOfServer(code)) throw new NoAnswer(`WhatsApp answered with the error ${code}`, unsaidWaitMs);
  throw error;
}

/** In how many seconds what failed so is worth another try. */
export function secondsUntil(error: unknown): number {
  return error instanceof NoAnswer ? Math.ceil(error.waitMs / 1000) : 1;
}
