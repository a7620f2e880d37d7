import { closeKind, type CloseKind } from "../close-reasons.ts";

/** Baileys' messages for invalid signatures. */
const untrusted = new Set([
  "noise certificate signature invalid",
  "noise intermediate certificate signature invalid",
  "certification match failed",
  "invalid noise leaf certificate",
  "invalid noise intermediate certificate",
  "Failed to verify account signature",
  "Invalid account signature",
]);

/** The close kind of Baileys' `lastDisconnect.error`. */
export function kindOfClose(error: unknown): CloseKind {
  const { message, output } = (error ?? {}) as { message?: string; output?: { statusCode?: number } };
  if (message !== undefined && untrusted.has(message)) return "untrusted_server";
  if (message === "QR refs attempts ended") return "pairing_timed_out";
  return closeKind(output?.statusCode);
}
