import { z } from "zod";
import { Timestamp } from "./common.ts";
import { Person } from "./people.ts";

/** What became of a message at one person. */
export const MessageReceipt = z.object({
  person: Person.nullable().meta({ description: "Null when the connector does not know the person." }),
  deliveredAt: Timestamp.nullable(),
  readAt: Timestamp.nullable(),
  playedAt: Timestamp.nullable(),
});
export type MessageReceipt = z.infer<typeof MessageReceipt>;

export const MessageReceipts = z.object({ receipts: z.array(MessageReceipt).max(2048) }).meta({
  id: "MessageReceipts",
  description: "Who has received, read and played a message. People without any receipt are left out.",
  example: {
    receipts: [
      {
        person: {
          id: "per_01jd3k9v7hq2w8x5n4b6m0c1ta",
          phone: "+6281234567890",
          lid: "103457289341234@lid",
          username: null,
          name: "Siti",
        },
        deliveredAt: "2026-11-21T08:15:31.000Z",
        readAt: "2026-11-21T08:16:02.000Z",
        playedAt: null,
      },
    ],
  },
});
export type MessageReceipts = z.infer<typeof MessageReceipts>;
