import type { WASocket } from "@whiskeysockets/baileys";

/** What the account does to a message for itself alone. */
export type OwnChange = { type: "star"; isStarred: boolean } | { type: "deleteForMe" };

/** Receives what the account's other devices do to messages for the account alone. */
export interface OwnChangeListener {
  /** @param waId WhatsApp's id of the message */
  onOwnChange(waId: string, change: OwnChange): Promise<void>;
  /** Storing something failed. */
  onUnsaved: (error: unknown) => void;
}

/** Reports these changes, which come with the app state, one after another. */
export function subscribeOwnChanges(sock: WASocket, listener: OwnChangeListener): void {
  let earlier = Promise.resolve();
  const report = (waId: string, change: OwnChange) => {
    earlier = earlier.then(() => listener.onOwnChange(waId, change)).catch(listener.onUnsaved);
  };
  const starred = (id: string | null | undefined, isStarred: boolean | null | undefined) => {
    if (id && typeof isStarred === "boolean") report(id, { type: "star", isStarred });
  };
  sock.ev.on("messages.update", (updates) => {
    for (const { key, update } of updates) starred(key.id, update.starred);
  });
  // Baileys merges a star that comes soon after its message into the event of the message.
  sock.ev.on("messages.upsert", ({ messages }) => {
    for (const { key, starred: isStarred } of messages) starred(key.id, isStarred);
  });
  sock.ev.on("messages.delete", (deleted) => {
    if (!("keys" in deleted)) return;
    for (const { id } of deleted.keys) if (id) report(id, { type: "deleteForMe" });
  });
}
