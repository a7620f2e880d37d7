import { z } from "zod";
import { asciiDigits } from "./text.ts";

const form = /^[0-9A-Za-z]{4,10}$/;
const formFault = "must be 4 to 10 letters or digits";

/** A code as it is sent. Sandi draws 4 to 8 characters; Supabase Auth, for one, makes codes of up to 10. */
export const Code = z.string().regex(form, formFault).meta({ example: "123456" });

/** A code as a user types it: digits of any script, with the spaces and hyphens that people and keyboards add. */
export const TypedCode = z
  .string()
  .max(64, { abort: true })
  .overwrite(asTyped)
  .refine((code) => form.test(code), formFault)
  .meta({
    description:
      "What the user typed: 4 to 10 letters or digits. Upper and lower case, digits of any script (`١٢٣٤٥٦`), and spaces, hyphens or direction marks between them (`123-456`) make no difference.",
    example: "123456",
  });

function asTyped(text: string): string {
  // NFKC makes full-width letters plain ones.
  return asciiDigits(text.normalize("NFKC").replaceAll(/[\s\p{Z}\p{Pd}\p{Cf}\u2212]/gu, ""));
}
