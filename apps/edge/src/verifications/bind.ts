import type { Bind } from "@sandi/contracts";

/** The stored form of a `bind`, the same for equal values; null if there is none. */
export const canonicalBind = (bind: Bind | undefined): string | null =>
  bind ? JSON.stringify({ amount: bind.amount, payee: bind.payee }) : null;

export const readBind = (text: string | null): Bind | null => (text === null ? null : (JSON.parse(text) as Bind));
