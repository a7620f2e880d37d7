import { isJidGroup, type MessageRelayOptions, type WASocket } from "@whiskeysockets/baileys";
import { revocation } from "../content/revocation.ts";
import type { StanzaNode } from "../content/stanza-nodes.ts";
import { revocationId } from "../content/whatsapp-ids.ts";
import type { WireMessage } from "../content/wire.ts";
import type { AuthState } from "./auth-state.ts";
import { requireDevices } from "./devices.ts";
import type { GroupSends } from "./group-sends.ts";
import { withVisibleMedia } from "./media.ts";
import { toNoAnswer } from "./no-answer.ts";
import { relayStory } from "./stories.ts";

/** Sends messages of the account. */
export interface Sends {
  /** Resolves when the frame is written; the server's answer comes as an ack. Rejects with `NoAnswer` to be tried later. */
  send(jid: string, waId: string, message: WireMessage, nodes: StanzaNode[]): Promise<void>;
  /** The same for a change of an earlier message. `edit`: what the stanza says of it. */
  sendChange(
    jid: string,
    waId: string,
    change: { message: WireMessage; nodes: StanzaNode[]; edit?: string },
  ): Promise<void>;
  /** The same for a story, which these hidden ids can see. */
  sendStory(people: readonly string[], waId: string, message: WireMessage): Promise<void>;
  /** Revokes a message for everyone. `send` resolves as above; the ack comes under the revocation's own id. */
  revocationOf(jid: string, waId: string): { waId: string; send(): Promise<void> };
}

/** The `edit` attribute of a revocation by the message's own sender. */
const senderRevoke = "7";

export function createSends(
  sock: WASocket,
  auth: AuthState,
  { caches, groups }: { caches: Parameters<typeof requireDevices>[1]; groups: GroupSends },
): Sends {
  async function relay(jid: string, message: WireMessage, options: MessageRelayOptions): Promise<void> {
    if (isJidGroup(jid)) return groups.relay(jid, withVisibleMedia(message), options);
    await requireDevices(sock, caches, auth, jid);
    await sock.relayMessage(jid, withVisibleMedia(message), options).catch(toNoAnswer);
  }

  return {
    send: (jid, waId, message, nodes) => relay(jid, message, { messageId: waId, additionalNodes: nodes }),
    sendChange: (jid, waId, { message, nodes, edit }) => {
      const additionalAttributes = edit === undefined ? {} : { edit };
      return relay(jid, message, { messageId: waId, additionalNodes: nodes, additionalAttributes });
    },
    sendStory: (people, waId, message) =>
      relayStory(sock, auth, { message: withVisibleMedia(message), people, options: { messageId: waId } }),
    revocationOf: (jid, revoked) => {
      const waId = revocationId(revoked);
      const options = { messageId: waId, additionalAttributes: { edit: senderRevoke } };
      return { waId, send: () => relay(jid, revocation(jid, revoked), options) };
    },
  };
}
