import type { BinaryNode, WASocket } from "@whiskeysockets/baileys";
import { namesOf, type PeopleListener } from "./identities.ts";

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
}

/**
 * Handles the receipts of direct messages instead of Baileys, which buffers them for up to 30 s and acknowledges them before
 * they are stored. Baileys still handles retries and groups. @param drop ends the connection: WhatsApp delivers receipts
 * that were not acknowledged again after the next login
 */
export function handleReceipts(sock: WASocket, listener: ReceiptListener, drop: () => void): void {
  const [original] = sock.ws.listeners("CB:receipt") as ((node: BinaryNode) => void)[];
  if (!original) throw new Error("this version of Baileys handles receipts elsewhere");
  sock.ws.off("CB:receipt", original);
  sock.ws.on("CB:receipt", (node: BinaryNode) => {
    const receipt = directReceipt(node);
    if (receipt) void handle(receipt, node);
    else original(node);
  });

  async function handle({ waIds, kind, from }: Direct, node: BinaryNode): Promise<void> {
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
  const kind = type === undefined ? "delivered" : type === "read" || type === "played" ? type : null;
  if (!kind) return null;
  const list = Array.isArray(content) ? content[0] : undefined;
  const more = Array.isArray(list?.content) ? list.content.flatMap((item) => item.attrs["id"] ?? []) : [];
  return { waIds: [id, ...more], kind, from };
}
