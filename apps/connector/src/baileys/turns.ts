import type { WASocket } from "@whiskeysockets/baileys";

/** What the server says to a device that is not linked yet, and to no other. */
const toUnlinked = ["CB:iq,type:set,pair-device", "CB:iq,,pair-success"];
/** What it says to a linked one only. */
const toLinked = ["CB:success"];

/**
 * Calls `refuse` in place of Baileys' handlers, which write into the credentials before anybody can look: a success
 * without a link leaves an account without a number, and a second link replaces the first.
 */
export function refuseOutOfTurn({ ws }: Pick<WASocket, "ws">, isLinked: boolean, refuse: () => void): void {
  for (const event of isLinked ? toUnlinked : toLinked) {
    ws.removeAllListeners(event);
    ws.on(event, refuse);
  }
}
