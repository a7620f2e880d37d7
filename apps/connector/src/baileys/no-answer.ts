import type { BinaryNode } from "@whiskeysockets/baileys";

/** WhatsApp answered a query in part or not at all. The caller tries again later. */
export class NoAnswer extends Error {
  override readonly name: string = "NoAnswer";
  readonly waitMs: number;

  constructor(message: string, waitMs: number) {
    super(message);
    this.waitMs = waitMs;
  }
}

/** How long to wait when an error names no wait. Short, because a code lives for minutes only. */
export const defaultWaitMs = 60_000;
/** A longer wait must be a mistake. */
const longestMs = 86_400_000;

/** How long to wait after an `error` node; its `backoff` is in seconds. */
export function waitOf({ attrs }: BinaryNode): number {
  const seconds = Number(attrs["backoff"]);
  return seconds > 0 ? Math.min(seconds * 1000, longestMs) : defaultWaitMs;
}

/** The code of an error that WhatsApp answered; NaN for any other error. Baileys keeps nothing but the code. */
export const codeOf = (error: unknown): number => Number((error as { data?: unknown } | undefined)?.data ?? Number.NaN);

/** Whether the error is an answer of WhatsApp. */
export const isAnswer = (error: unknown): boolean => Number.isFinite(codeOf(error));

/** Whether an error is about the server (overloaded or broken) and not about the query. */
export const isServerError = (code: number): boolean => code === 429 || code >= 500;

/** Throws `NoAnswer` for an error of the server, and any other error as it is. */
export function toNoAnswer(error: unknown): never {
  const code = codeOf(error);
  if (isServerError(code)) throw new NoAnswer(`WhatsApp answered with the error ${code}`, defaultWaitMs);
  throw error;
}

/** After how many seconds to try again after this error. */
export function secondsUntil(error: unknown): number {
  return error instanceof NoAnswer ? Math.ceil(error.waitMs / 1000) : 1;
}
