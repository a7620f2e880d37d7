import type { BinaryNode, WASocket } from "@whiskeysockets/baileys";
import { namesOf, type PeopleListener } from "./identities.ts";

/** What a socket tells of receipts. */
export interface ReceiptListener extends PeopleListener {
  /** Acknowledged to the server only after this has resolved. */
  onReceipt(receipt: Receipt): Promise<void>;
  /** Storing something failed. */
  onUnsaved: (error: unknown) => void;
}

/** How far messages of ours have come at one person, who is named by phone number, by LID, or both. */
export interface Receipt {
  waIds: string[];
  kind: "delivered" | "read";
  from: string[];
}

/**
 * Takes the receipts of direct messages before Baileys, whose event buffer can hold them for 30 s, and which would
 * acknowledge them before they are stored. Retries and groups stay with it. @param drop cuts the line: what was not
 * acknowledged comes again with the next login, and not before
 */
export function takeReceipts(sock: WASocket, listener: ReceiptListener, drop: () => void): void {
  const [theirs] = sock.ws.listeners("CB:receipt") as ((node: BinaryNode) => void)[];
  if (!theirs) throw new Error("this Baileys handles receipts elsewhere");
  sock.ws.off("CB:receipt", theirs);
  sock.ws.on("CB:receipt", (node: BinaryNode) => {
    const receipt = directReceipt(node);
    if (receipt) void take(receipt, node);
    else theirs(node);
  });

  async function take({ waIds, kind, from }: Direct, node: BinaryNode): Promise<void> {
    try {
      await listener.onReceipt({ waIds, kind, from: await namesOf(sock, listener, from) });
    } catch (error) {
      listener.onUnsaved(error);
      return drop();
    }
    await sock.sendMessageAck(node).catch(() => undefined);
  }
}

type Direct = Omit<Receipt, "from"> & { from: string };

function directReceipt({ attrs, content }: BinaryNode): Direct | null {
  const { id, from, type, participant, recipient } = attrs;
  if (!id || !from || participant !== undefined || recipient !== undefined) return null;
  const kind = type === undefined ? "delivered" : type === "read" || type === "played" ? "read" : null;
  if (!kind) return null;
  const list = Array.isArray(content) ? content[0] : undefined;
  const more = Array.isArray(list?.content) ? list.content.flatMap((item) => item.attrs["id"] ?? []) : [];
  return { waIds: [id, ...more], kind, from };
}
