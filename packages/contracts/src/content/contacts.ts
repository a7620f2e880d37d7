import { z } from "zod";
import { E164 } from "../api/common.ts";

const type = z.literal("contacts");

const contact = z.strictObject({
  name: z.string().trim().min(1).max(200).meta({ example: "Acme support" }),
  phones: z
    .array(
      z.strictObject({
        number: E164,
        label: z.string().trim().min(1).max(60).optional().meta({ example: "Office" }),
      }),
    )
    .min(1)
    .max(10),
  organization: z.string().trim().min(1).max(200).optional().meta({ example: "Acme" }),
  email: z.email().max(254).optional().meta({ example: "help@acme.example" }),
});

const sealedContact = z.strictObject({
  name: z.string(),
  phones: z.array(z.strictObject({ number: z.string(), label: z.string().optional() })),
  organization: z.string().optional(),
  email: z.string().optional(),
});

/** Contact cards. */
export const contacts = {
  content: z.strictObject({ type, contacts: z.array(contact).min(1).max(20) }),
  sealed: z.strictObject({ type, contacts: z.array(sealedContact) }),
};
