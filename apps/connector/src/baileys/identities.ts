import {
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  isLidUser,
  isPnUser,
  jidNormalizedUser,
  type WASocket,
} from "@whiskeysockets/baileys";

/** What WhatsApp's server says of who is who, and what it has said so far. */
export interface PeopleListener {
  onIdentity: (identity: { lid: string; pn: string }) => void;
  /** The jid of the phone number behind a LID, as the server said it to any session of the workspace. */
  pnOf: (lid: string) => Promise<string | null>;
}

/** What a person is known by: the jid as it came, without device, and the phone number's when it is a LID. */
export async function namesOf(sock: WASocket, people: PeopleListener, jid: string | undefined): Promise<string[]> {
  const name = jid ? jidNormalizedUser(jid) : "";
  if (name === "") return [];
  if (!isLidUser(name)) return [name];
  // Baileys' own table knows what the account's phone claims as well, for this session alone.
  const byPhone = (await people.pnOf(name)) ?? (await sock.signalRepository.lidMapping.getPNForLID(name));
  return byPhone ? [name, jidNormalizedUser(byPhone)] : [name];
}

/** Tells of every LID in an answer of the server to a question about phone numbers. */
export function takeIdentities(sock: WASocket, { onIdentity }: Pick<PeopleListener, "onIdentity">): void {
  sock.ws.on("CB:iq,,usync", (node: BinaryNode) => {
    if (node.attrs["type"] !== "result") return;
    const list = getBinaryNodeChild(getBinaryNodeChild(node, "usync"), "list");
    for (const user of getBinaryNodeChildren(list, "user")) {
      identityIn([user.attrs["jid"], getBinaryNodeChild(user, "lid")?.attrs["val"]], onIdentity);
    }
  });
}

/** Tells of a person whom a stanza names twice. */
export function identityIn(names: (string | undefined)[], tell: PeopleListener["onIdentity"]): void {
  const lid = names.find((name) => isLidUser(name));
  const pn = names.find((name) => isPnUser(name));
  if (lid && pn) tell({ lid: jidNormalizedUser(lid), pn: jidNormalizedUser(pn) });
}
