import { isJidGroup, isLidUser, jidNormalizedUser, type WASocket } from "@whiskeysockets/baileys";
import { type AuthState, ownJids } from "./auth-state.ts";
import { namesOf } from "./identities.ts";
import { lidsOf } from "./stories.ts";

/** The jids of the account and of other people. */
export interface Jids {
  /** The account's own jids: the LID's first, if it is known. */
  own(): string[];
  /** The account's own jid, as chats with this address name it. */
  ownJid(chat: string): string;
  /** The hidden id (LID) of this person; null when it is unknown. */
  lidOf(jid: string): Promise<string | null>;
  /** The hidden ids of these people; those who have none are left out. */
  lidsOf(jids: readonly string[]): Promise<string[]>;
  /** The other jid of this person: the hidden id, or that of the phone number; null when it is unknown. */
  otherJidOf(jid: string): Promise<string | null>;
}

export function jidsOf(sock: WASocket, auth: AuthState, listener: Parameters<typeof namesOf>[1]): Jids {
  async function lidOf(jid: string): Promise<string | null> {
    const lid = await sock.signalRepository.lidMapping.getLIDForPN(jid);
    return lid ? jidNormalizedUser(lid) : null;
  }

  return {
    own: () => ownJids(auth),
    ownJid: (chat) =>
      jidNormalizedUser((isLidUser(chat) || isJidGroup(chat) ? auth.creds.me?.lid : null) ?? auth.creds.me?.id),
    lidOf,
    lidsOf: (jids) => lidsOf(sock, jids),
    async otherJidOf(jid) {
      if (!isLidUser(jid)) return isJidGroup(jid) ? null : lidOf(jid);
      return (await namesOf(sock, listener, jid)).find((name) => !isLidUser(name)) ?? null;
    },
  };
}
