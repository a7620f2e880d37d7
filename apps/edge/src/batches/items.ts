import type { Content, SealedMediaContent } from "@sandi/contracts";
import { utf8 } from "@sandi/crypto";
import type { Services } from "../services.ts";
import type { Recipient } from "./read-batch.ts";

/** A content whose file, if it has one, is stored. */
export type StoredContent = Exclude<Content, { media: object }> | SealedMediaContent;

/** What a recipient's row holds. */
export type Item = Pick<Recipient, "metadata" | "variables"> & { to: string; content: StoredContent | undefined };

type AtRest = Pick<Services, "atRest">;

const placeOfItem = (batchId: string, position: number) => ({
  table: "batch_item",
  column: "sealed",
  id: `${batchId}/${position}`,
});
const placeOfMessage = (batchId: string) => ({ table: "batch", column: "sealed_message", id: batchId });

interface Place {
  workspaceId: string;
  batchId: string;
}

export const sealItem = (
  { atRest }: AtRest,
  { workspaceId, batchId }: Place,
  { position, item }: { position: number; item: Item },
) => atRest(workspaceId).seal(utf8(JSON.stringify(item)), placeOfItem(batchId, position));

export const openItem = async (
  { atRest }: AtRest,
  { workspaceId, batchId }: Place,
  { position, sealed }: { position: number; sealed: string },
): Promise<Item> => read(await atRest(workspaceId).open(sealed, placeOfItem(batchId, position))) as Item;

/** Seals the message that all recipients get. */
export const sealMessage = ({ atRest }: AtRest, { workspaceId, batchId }: Place, message: StoredContent) =>
  atRest(workspaceId).seal(utf8(JSON.stringify(message)), placeOfMessage(batchId));

export const openMessage = async (
  { atRest }: AtRest,
  { workspaceId, batchId }: Place,
  sealed: string,
): Promise<StoredContent> => read(await atRest(workspaceId).open(sealed, placeOfMessage(batchId))) as StoredContent;

const read = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
