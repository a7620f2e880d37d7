import { z } from "zod";
import { AuditId, KeyId } from "../ids.ts";
import { Timestamp } from "./common.ts";

const Actor = KeyId.or(z.literal("operator")).meta({
  description: "The API key that changed it, or `operator`.",
  example: "key_01jd3k9v7hq2w8x5n4b6m0c1ta",
});
const Action = z
  .string()
  .regex(/^[a-z_]{1,32}\.[a-z_]{1,32}$/, "must be a past fact, such as key.created")
  .meta({ description: "A past fact.", example: "key.created" });
const Target = z.string().min(1).max(64).meta({
  description: "What was changed: an id, or a prefix.",
  example: "key_01jd3k9v7hq2w8x5n4b6m0c1ta",
});

export const AuditEntry = z
  .object({
    id: AuditId,
    actor: Actor,
    action: Action,
    target: Target,
    detail: z.record(z.string(), z.unknown()).meta({
      description:
        "What changed, without secrets and full phone numbers. At most 2 KB: a longer detail is shortened, a changed list shows `added` and `removed` only, and `isShortened` is true.",
      example: { name: { from: "Checkout", to: "Checkout service" } },
    }),
    createdAt: Timestamp,
  })
  .meta({ id: "AuditEntry", description: "One change of the workspace." });
export type AuditEntry = z.infer<typeof AuditEntry>;

export const ListAudit = z.object({
  actor: Actor.optional(),
  action: Action.optional(),
  target: Target.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: AuditId.optional().meta({ description: "`nextCursor` of the previous page." }),
});
export type ListAudit = z.infer<typeof ListAudit>;

export const AuditList = z
  .object({
    entries: z.array(AuditEntry).max(100),
    nextCursor: AuditId.nullable().meta({
      description:
        "The `cursor` of the next page; null on the last page. A page looks at 5,000 entries at most: with a filter that few match, it may have fewer items than `limit`, or none, and still a next page.",
    }),
  })
  .meta({ id: "AuditList" });
export type AuditList = z.infer<typeof AuditList>;
