import type { WASocket } from "@whiskeysockets/baileys";

/** Stanzas for a device that is not linked yet. */
const forUnlinked = ["CB:iq,type:set,pair-device", "CB:iq,,pair-success"];
/** Stanzas for a linked device. */
const forLinked = ["CB:success"];

/**
 * Calls `refuse` instead of Baileys' handlers for stanzas that do not fit the state. These handlers change the credentials
 * at once: a login without a link makes an account without a number, and a second link replaces the first.
 */
export function refuseUnexpectedStanzas({ ws }: Pick<WASocket, "ws">, isLinked: boolean, refuse: () => void): void {
  for (const event of isLinked ? forUnlinked : forLinked) {
    ws.removeAllListeners(event);
    ws.on(event, refuse);
  }
}
