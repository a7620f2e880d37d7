import { z } from "zod";

export const E164 = z
  .string()
  .regex(/^\+[1-9][0-9]{6,14}$/, "must be a phone number in E.164 form, such as +6281234567890")
  .meta({ description: "A phone number in E.164 form.", example: "+6281234567890" });

export const Timestamp = z.iso
  .datetime()
  .meta({ description: "ISO 8601, UTC, with milliseconds.", example: "2026-11-21T08:15:30.000Z" });

/** Where a message stands, shown with verifications and messages alike. */
export const deliveryTimes = {
  sentAt: Timestamp.nullable().meta({ description: "WhatsApp's server took the message." }),
  deliveredAt: Timestamp.nullable().meta({ description: "The recipient's phone has it." }),
  readAt: Timestamp.nullable().meta({ description: "The recipient opened it (if they share read receipts)." }),
};
