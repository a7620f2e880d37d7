import { z } from "zod";
import { Timestamp, writtenNumber } from "./common.ts";

export const DestinationRequest = z
  .strictObject({
    to: writtenNumber("The number"),
  })
  .meta({ id: "DestinationRequest" });

const count = (description: string) => z.int().min(0).max(2_147_483_647).meta({ description, example: 2 });

export const Destination = z
  .object({
    to: z.string().max(32).meta({ description: "The number, masked.", example: "+62812•••7890" }),
    failedChecks: z.object({
      lastHour: count("Wrong codes in the current hour."),
      inARow: count("Wrong codes since the last right code."),
    }),
    locks: count("Locks since the last right code; each lasts twice as long."),
    lockedUntil: Timestamp.nullable().meta({
      description: "Until this time no code is sent to the number or checked.",
    }),
    sends: z
      .object({
        last10Minutes: count("In the current ten minutes."),
        lastHour: count("In the current hour."),
        lastDay: count("In the current day."),
      })
      .meta({ description: "Codes of this workspace; each window begins with its first send." }),
  })
  .meta({ id: "Destination", description: "The limits of a number and how much of them is used." });
export type Destination = z.infer<typeof Destination>;

export const GuardedPrefixParam = z
  .string()
  .regex(/^[0-9]{1,7}$/, "must be up to seven digits")
  .meta({ description: "The first seven digits, country code first.", example: "6281234" });

export const GuardedPrefix = z
  .object({
    prefix: GuardedPrefixParam,
    blockedUntil: Timestamp.nullable().meta({ description: "Null: it is no longer blocked." }),
    strikes: count("Blocks in a row; each lasts twice as long, up to a day."),
    sends: count("Codes that led to the block."),
    approved: count("How many of these codes were checked successfully."),
  })
  .meta({ id: "GuardedPrefix" });
export type GuardedPrefix = z.infer<typeof GuardedPrefix>;

export const ListGuardedPrefixes = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(100),
  cursor: GuardedPrefixParam.optional().meta({ description: "`nextCursor` of the previous page." }),
});

export const GuardedPrefixList = z
  .object({
    prefixes: z.array(GuardedPrefix).max(100),
    nextCursor: GuardedPrefixParam.nullable().meta({
      description: "The `cursor` of the next page; null on the last page.",
    }),
  })
  .meta({ id: "GuardedPrefixList" });
export type GuardedPrefixList = z.infer<typeof GuardedPrefixList>;
