import { fetchLatestWaWebVersion } from "@whiskeysockets/baileys";
import type { ClientVersion } from "../services.ts";

/** Asks WhatsApp Web for its current version. */
export async function latestVersion(timeoutMs: number): Promise<ClientVersion | null> {
  const { version, isLatest } = await fetchLatestWaWebVersion({ signal: AbortSignal.timeout(timeoutMs) });
  return isLatest ? version : null;
}
