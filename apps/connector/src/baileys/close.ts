import { closeKind, type CloseKind } from "../close-reasons.ts";

/** How Baileys names the signatures that do not hold. */
const untrusted = new Set([
  "noise certificate signature invalid",
  "noise intermediate certificate signature invalid",
  "certification match failed",
  "invalid noise leaf certificate",
  "invalid noise intermediate certificate",
  "Failed to verify account signature",
  "Invalid account signature",
]);

/** The kind of close that Baileys' `lastDisconnect.error` stands for. */
export function kindOfClose(error: unknown): CloseKind {
  const { message, output } = (error ?? {}) as { message?: string; output?: { statusCode?: number } };
  if (message !== undefined && untrusted.has(message)) return "untrusted_server";
  if (message === "QR refs attempts ended") return "pairing_timed_out";
  return closeKind(output?.statusCode);
}
