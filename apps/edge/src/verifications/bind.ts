import type { Bind } from "@sandi/contracts";

/** What a code is bound to, always written the same; null for nothing. */
export const canonicalBind = (bind: Bind | undefined): string | null =>
  bind ? JSON.stringify({ amount: bind.amount, payee: bind.payee }) : null;

export const readBind = (text: string | null): Bind | null => (text === null ? null : (JSON.parse(text) as Bind));
