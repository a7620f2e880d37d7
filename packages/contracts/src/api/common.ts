import { z } from "zod";

export const E164 = z
  .string()
  .regex(/^\+[1-9][0-9]{6,14}$/, "must be a phone number in E.164 form, such as +6281234567890")
  .meta({ description: "A phone number in E.164 form.", example: "+6281234567890" });

export const Timestamp = z.iso
  .datetime()
  .meta({ description: "ISO 8601, UTC, with milliseconds.", example: "2026-11-21T08:15:30.000Z" });

/** Order and repetition mean nothing in a set: one spelling of it, so that another spelling is no change. */
export const asSet = <T extends string>(list: T[]): T[] => [...new Set(list)].toSorted();

/** Text on one line that shows as what it is: no control, direction or private characters, no half of one. */
export const plainText = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]*$/u;

/** What somebody calls a thing of theirs. */
export const plainName = (description: string, example: string) =>
  z
    .string()
    .trim()
    .min(1)
    .max(64)
    .regex(plainText, "must not hold line breaks, control or invisible characters")
    .meta({ description, example });

const dot = "[.\u3002\uff0e\uff61]";
/** What a phone makes a link of. */
export const linkText = new RegExp(
  `:[/\uff0f]{2}|www${dot}|[\\p{L}\\p{N}-]${dot}\\p{L}{2}|\\d${dot}\\d+${dot}\\d+${dot}\\d`,
  "iu",
);

/** The name that stands in the text of a code: whoever reads it must find nothing there to tap. */
export const CompanyName = z
  .string()
  .trim()
  .min(1)
  .max(40)
  .regex(plainText, "must not hold line breaks, control or invisible characters")
  .refine((name) => !/[{}]/.test(name), "must not hold braces")
  // The template drops what WhatsApp reads as formatting, which must not make a link of it.
  .refine((name) => !linkText.test(name.replaceAll(/[*_~`]/g, "")), "must not hold a link or a domain name")
  .meta({ description: "The name in the text; the workspace's name if left out.", example: "Acme" });

/** Where a message stands, shown with verifications and messages alike. */
export const deliveryTimes = {
  sentAt: Timestamp.nullable().meta({ description: "WhatsApp's server took the message." }),
  deliveredAt: Timestamp.nullable().meta({ description: "The recipient's phone has it." }),
  readAt: Timestamp.nullable().meta({ description: "The recipient opened it (if they share read receipts)." }),
};

/** A secret of Standard Webhooks, with or without the `v1,` that some put before it. */
export const SigningSecret = z
  .string()
  .max(128)
  .regex(/^(?:v1,)?whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, "must be a secret such as v1,whsec_…, of 24 to 64 bytes")
  // Base64 of no bytes has a length of one more than a multiple of four.
  .refine((text) => text.replace(/^.*_|=+$/g, "").length % 4 !== 1, "must be base64 behind whsec_")
  .meta({ description: "What calls are signed with, as Standard Webhooks has it." });
