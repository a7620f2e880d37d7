import type { WASocket } from "@whiskeysockets/baileys";

/** Stanzas for a device that is not linked yet. */
const toUnlinked = ["CB:iq,type:set,pair-device", "CB:iq,,pair-success"];
/** Stanzas for a linked device. */
const toLinked = ["CB:success"];

/**
 * Calls `refuse` in place of Baileys' handlers for stanzas that do not fit. Those handlers change the credentials at once:
 * a success without a link makes an account without a number, and a second link replaces the first.
 */
export function refuseOutOfTurn({ ws }: Pick<WASocket, "ws">, isLinked: boolean, refuse: () => void): void {
  for (const event of isLinked ? toUnlinked : toLinked) {
    ws.removeAllListeners(event);
    ws.on(event, refuse);
  }
}
