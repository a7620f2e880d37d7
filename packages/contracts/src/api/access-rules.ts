import { z } from "zod";
import { AccessRuleId } from "../ids.ts";
import { Timestamp } from "./common.ts";
import { plainLine } from "./text.ts";

export const RuleEffect = z.enum(["allow", "block"]).meta({
  description:
    "`block`: no codes and no messages. `allow`: lifts block rules for both, and the policy's countries and the prefix guard for codes; the limits of the destination stay.",
});
export type RuleEffect = z.infer<typeof RuleEffect>;

export const RuleKind = z.enum(["number", "prefix", "country", "ip"]).meta({
  description:
    "`number`: one phone number. `prefix`: numbers that begin with these digits. `country`: numbers of a country. `ip`: the addresses of end users, from `endUserIp`.",
});
export type RuleKind = z.infer<typeof RuleKind>;

const Note = plainLine(200).meta({ description: "Yours; shown in lists.", example: "abuse report 4711" });

export const CreateAccessRule = z
  .strictObject({
    effect: RuleEffect,
    kind: RuleKind,
    value: z.string().min(1).max(49).meta({
      description:
        "A number, as in `to`, or a prefix of 1 to 15 digits, country code first. Or a country (ISO 3166-1 alpha-2), an address or a CIDR range.",
      example: "+6281234567890",
    }),
    note: Note.optional(),
    expiresAt: Timestamp.nullable().optional().meta({ description: "The rule ends at this time; null: never." }),
  })
  .meta({ id: "CreateAccessRule" });
export type CreateAccessRule = z.infer<typeof CreateAccessRule>;

export const AccessRule = z
  .object({
    id: AccessRuleId,
    effect: RuleEffect,
    kind: RuleKind,
    value: z
      .string()
      .max(49)
      .meta({ description: "The value of the request; a number is masked.", example: "+62812•••7890" }),
    note: Note.nullable(),
    expiresAt: Timestamp.nullable(),
    createdAt: Timestamp,
  })
  .meta({
    id: "AccessRule",
    description: "Allows or blocks codes and messages to numbers, countries or end users' addresses.",
  });
export type AccessRule = z.infer<typeof AccessRule>;

export const CreatedAccessRule = AccessRule.extend({
  endedVerifications: z.int().min(0).max(1_000_000_000).nullable().meta({
    description:
      "Pending verifications that the block rule ended; null: not known, because the answer of the database was lost.",
    example: 1,
  }),
  canceledMessages: z.int().min(0).max(1_000_000_000).nullable().meta({
    description:
      "Queued messages, other than codes, that the block rule canceled; null: not known, because the answer of the database was lost.",
    example: 0,
  }),
}).meta({ id: "CreatedAccessRule" });
export type CreatedAccessRule = z.infer<typeof CreatedAccessRule>;

export const ListAccessRules = z.object({
  effect: RuleEffect.optional(),
  kind: RuleKind.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: AccessRuleId.optional().meta({ description: "`nextCursor` of the previous page." }),
});
export type ListAccessRules = z.infer<typeof ListAccessRules>;

export const AccessRuleList = z
  .object({
    rules: z.array(AccessRule).max(100),
    nextCursor: AccessRuleId.nullable().meta({ description: "The `cursor` of the next page; null on the last page." }),
  })
  .meta({ id: "AccessRuleList" });
export type AccessRuleList = z.infer<typeof AccessRuleList>;
