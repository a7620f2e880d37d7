import { z } from "zod";
import { PersonId } from "../ids.ts";

/** A person, as one session knows them. */
export const Person = z
  .object({
    id: PersonId,
    phone: z.string().max(32).nullable().meta({
      description:
        "The phone number; masked for keys without `message:read`, and while the connector is away. Null: WhatsApp hides it.",
      example: "+6281234567890",
    }),
    lid: z.string().max(64).nullable().meta({ description: "WhatsApp's hidden id of the person.", example: null }),
    username: z.string().max(64).nullable().meta({ example: null }),
    name: z
      .string()
      .max(256)
      .nullable()
      .meta({ description: "As the person calls themselves. Anybody may take any name.", example: "Siti" }),
  })
  .meta({ id: "Person" });
export type Person = z.infer<typeof Person>;
