import { type BinaryNode, isJidGroup, jidNormalizedUser, type WASocket } from "@whiskeysockets/baileys";
import { storyJid } from "../content/jids.ts";
import type { AuthState } from "./auth-state.ts";
import { identityIn, namesOf, type PeopleListener } from "./identities.ts";

/** Receives receipts. */
export interface ReceiptListener extends PeopleListener {
  /** Acknowledged to the server only after this has resolved. */
  onReceipt(receipt: Receipt): Promise<void>;
  /** Storing something failed. */
  onUnsaved: (error: unknown) => void;
}

/** One person has received, read or played messages of ours. `from` has the person's jids. */
export interface Receipt {
  waIds: string[];
  kind: "delivered" | "read" | "played";
  from: string[];
  /** The jid of the group that they were sent to; absent in a chat of two. */
  group?: string;
}

/**
 * Handles receipts instead of Baileys, which buffers them for up to 30 s and acknowledges them before they are stored.
 * Baileys still handles retries. @param drop ends the connection: WhatsApp delivers receipts
 * that were not acknowledged again after the next login
 */
export function handleReceipts(
  sock: WASocket,
  { creds }: Pick<AuthState, "creds">,
  listener: ReceiptListener,
  drop: () => void,
): void {
  const [original] = sock.ws.listeners("CB:receipt") as ((node: BinaryNode) => void)[];
  if (!original) throw new Error("this version of Baileys handles receipts elsewhere");
  sock.ws.off("CB:receipt", original);
  sock.ws.on("CB:receipt", (node: BinaryNode) => {
    const receipt = receiptIn(node);
    if (receipt?.alias) identityIn([receipt.from, receipt.alias], listener.onIdentity);
    if (receipt) void handle(receipt, node);
    else original(node);
  });

  async function handle({ from, alias, ...receipt }: Received, node: BinaryNode): Promise<void> {
    try {
      const names = alias ? [from, alias].map((jid) => jidNormalizedUser(jid)) : await namesOf(sock, listener, from);
      if (receipt.group === undefined || !isOwn(names)) await listener.onReceipt({ ...receipt, from: names });
    } catch (error) {
      listener.onUnsaved(error);
      return drop();
    }
    await sock.sendMessageAck(node).catch(() => undefined);
  }

  /** The account's other devices send receipts in a group, too. */
  function isOwn(names: string[]): boolean {
    const own = new Set([creds.me?.id, creds.me?.lid].map((jid) => jidNormalizedUser(jid)));
    return names.some((name) => own.has(name));
  }
}

type Received = Omit<Receipt, "from"> & {
  from: string;
  /** The person's other jid. */
  alias: string | undefined;
};

/** A receipt for messages of ours, in a chat of two or in a group; null for any other stanza. */
function receiptIn({ attrs, content }: BinaryNode): Received | null {
  const { id, from, type, participant, participant_pn: pn, participant_lid: lid, recipient } = attrs;
  if (!id || !from || recipient !== undefined) return null;
  // Those for a story come from where stories go, as those of a group from the group.
  const group = isJidGroup(from) === true || from === storyJid;
  if (group !== (participant !== undefined)) return null;
  const kind = type === undefined ? "delivered" : type === "read" || type === "played" ? type : null;
  if (!kind) return null;
  const list = Array.isArray(content) ? content[0] : undefined;
  const more = Array.isArray(list?.content) ? list.content.flatMap((item) => item.attrs["id"] ?? []) : [];
  const about: Pick<Receipt, "waIds" | "kind"> = { waIds: [id, ...more], kind };
  return participant === undefined
    ? { ...about, from, alias: undefined }
    : { ...about, from: participant, alias: pn ?? lid, group: from };
}
