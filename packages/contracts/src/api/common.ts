import { z } from "zod";
import { canonicalNumber } from "../numbers.ts";
import { holdsPhone, linkText, plainLine } from "./text.ts";

export const E164 = z
  .string()
  .regex(/^\+[1-9][0-9]{6,14}$/, "must be a phone number in E.164 form, such as +6281234567890")
  .meta({ description: "A phone number in E.164 form.", example: "+6281234567890" });

/** A number in its canonical spelling: WhatsApp and older connectors may send another spelling. */
export const AccountNumber = E164.overwrite(canonicalNumber);

/** A number as people type and paste it. */
export const writtenNumber = (description: string) =>
  z
    .string()
    .min(1)
    .max(32)
    .meta({
      description: `${description}: with \`+\` and country code, or national when the workspace has a default country. Spaces, hyphens, brackets and digits of any script are allowed; extensions and letters are not.`,
      example: "+6281234567890",
    });

export const Timestamp = z.iso
  .datetime()
  .meta({ description: "ISO 8601, UTC, with milliseconds.", example: "2026-11-21T08:15:30.000Z" });

/** A set as a sorted list without duplicates: another order is then no change. */
export const asSet = <T extends string>(list: T[]): T[] => [...new Set(list)].toSorted();

/** A name that the customer chooses. */
export const plainName = (description: string, example: string) => plainLine(64).meta({ description, example });

/** The company name in the text of a code. It must hold nothing that a phone makes tappable. */
export const CompanyName = plainLine(40)
  .refine((name) => !/[{}]/.test(name), "must not hold braces")
  // The text drops formatting characters, and joiners are invisible: neither may hide a link.
  .refine((name) => !linkText.test(name.replaceAll(/[*_~`\u200c\u200d]/g, "")), "must not hold a link or a domain name")
  .refine((name) => !holdsPhone(name), "must not hold 7 or more digits with no letter between them")
  .meta({
    description:
      "The company name in the text. Default: the workspace's name. It must not hold a link, a domain name, or 7 or more digits with no letter between them: phones make these tappable.",
    example: "Acme",
  });

/** The times of a message, shown with verifications and messages. */
export const deliveryTimes = {
  sentAt: Timestamp.nullable().meta({ description: "WhatsApp's server accepted the message." }),
  deliveredAt: Timestamp.nullable().meta({ description: "The recipient's phone has it." }),
  readAt: Timestamp.nullable().meta({ description: "The recipient opened it (only if they share read receipts)." }),
};

/** A secret of Standard Webhooks, with or without the prefix `v1,`. */
export const SigningSecret = z
  .string()
  .max(128)
  .regex(/^(?:v1,)?whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, "must be a secret such as v1,whsec_…, of 24 to 64 bytes")
  // Base64 of no bytes has a length of one more than a multiple of four.
  .refine((text) => text.replace(/^.*_|=+$/g, "").length % 4 !== 1, "must be base64 behind whsec_")
  .meta({ description: "The secret that signs calls (Standard Webhooks)." });
