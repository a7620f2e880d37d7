import {
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  isLidUser,
  isPnUser,
  jidNormalizedUser,
  type WASocket,
} from "@whiskeysockets/baileys";

/** Receives and reads which phone number a LID belongs to. */
export interface PeopleListener {
  /** @param at when the message was written that names the person by both; undefined: now */
  onIdentity: (identity: { lid: string; pn: string }, at?: Date) => void;
  /** The phone number's jid of a LID, as the server said to any session of the workspace. */
  pnOf: (lid: string) => Promise<string | null>;
}

/** The jids of a person: the given one without its device, and the phone number's when the given one is a LID. */
export async function namesOf(sock: WASocket, people: PeopleListener, jid: string | undefined): Promise<string[]> {
  const name = jid ? jidNormalizedUser(jid) : "";
  if (name === "") return [];
  if (!isLidUser(name)) return [name];
  // Baileys' own table also holds what the account's phone claims, for this session only.
  const byPhone = (await people.pnOf(name)) ?? (await sock.signalRepository.lidMapping.getPNForLID(name));
  return byPhone ? [name, jidNormalizedUser(byPhone)] : [name];
}

/** Reports every LID in the server's answers about phone numbers. */
export function subscribeIdentities(sock: WASocket, { onIdentity }: Pick<PeopleListener, "onIdentity">): void {
  sock.ws.on("CB:iq,,usync", (node: BinaryNode) => {
    if (node.attrs["type"] !== "result") return;
    const list = getBinaryNodeChild(getBinaryNodeChild(node, "usync"), "list");
    for (const user of getBinaryNodeChildren(list, "user")) {
      identityIn([user.attrs["jid"], getBinaryNodeChild(user, "lid")?.attrs["val"]], onIdentity);
    }
  });
}

/** Reports a person whom a stanza names by both jids. */
export function identityIn(names: (string | undefined)[], report: PeopleListener["onIdentity"]): void {
  const lid = names.find((name) => isLidUser(name));
  const pn = names.find((name) => isPnUser(name));
  if (lid && pn) report({ lid: jidNormalizedUser(lid), pn: jidNormalizedUser(pn) });
}
