import { z } from "zod";
import { KeyId } from "../ids.ts";
import { Scope, scopes } from "../scopes.ts";
import { plainName, Timestamp } from "./common.ts";

const KeyName = plainName("Yours to choose; shown in lists.", "Checkout service");

const KeyScopes = z
  .array(Scope)
  .min(1)
  .max(scopes.length)
  .meta({ description: "What the key may do. A scope that the calling key lacks is refused.", example: ["otp:send"] });

const IpAllowList = z
  .array(z.string().min(2).max(49))
  .max(100)
  .meta({
    description:
      "The key may be used from these addresses and CIDR ranges (IPv4, IPv6) only; empty: from anywhere. A range is written with its first address.",
    example: ["203.0.113.0/24", "2001:db8::1"],
  });

const ExpiresAt = Timestamp.nullable().meta({
  description: "The key ends at this time; null: never. Not later than the end of the calling key.",
});

export const KeyEnvironment = z.enum(["live", "test"]).meta({
  description: "`test`: for the sandbox; nothing is sent.",
});

/** Why a hook or alert channel stopped: its key was revoked, has expired, or lost a scope that it needs. */
export const OwnerEnding = z.enum(["revoked", "expired", "narrowed"]);
export type OwnerEnding = z.infer<typeof OwnerEnding>;

/** The key that something belongs to. */
export const CreatedBy = KeyId.nullable().meta({
  description:
    "The API key that owns it: the key that created it, that key's replacement, or the key that adopted it. It stops when this key ends. Null if it was created before this field existed: it then belongs to the workspace.",
});

export const CreateApiKey = z
  .strictObject({
    name: KeyName,
    scopes: KeyScopes,
    environment: KeyEnvironment.default("live"),
    expiresAt: ExpiresAt.optional().meta({ description: "Default: the end of the calling key; null: never." }),
    ipAllowList: IpAllowList.default([]),
  })
  .meta({ id: "CreateApiKey" });
export type CreateApiKey = z.infer<typeof CreateApiKey>;

export const ChangeApiKey = z
  .strictObject({
    name: KeyName.optional(),
    scopes: KeyScopes.optional(),
    expiresAt: ExpiresAt.optional(),
    ipAllowList: IpAllowList.optional(),
  })
  .meta({ id: "ChangeApiKey", description: "Fields that are left out do not change." });
export type ChangeApiKey = z.infer<typeof ChangeApiKey>;

export const RotateApiKey = z
  .strictObject({
    graceSeconds: z.int().min(0).max(604_800).default(86_400).meta({
      description: "How long the old key still works, a week at most.",
      example: 86_400,
    }),
  })
  .meta({ id: "RotateApiKey" });
export type RotateApiKey = z.infer<typeof RotateApiKey>;

export const ApiKey = z
  .object({
    id: KeyId,
    name: z.string().max(64),
    prefix: z
      .string()
      .max(8)
      .meta({ description: "The first eight characters after `sandi_live_`.", example: "9fK2mQx7" }),
    environment: KeyEnvironment,
    scopes: z.array(Scope).max(scopes.length),
    ipAllowList: IpAllowList,
    createdAt: Timestamp,
    expiresAt: Timestamp.nullable(),
    revokedAt: Timestamp.nullable(),
    lastUsedAt: Timestamp.nullable().meta({ description: "To the minute." }),
    replacedBy: KeyId.nullable().meta({ description: "The key that replaced it in a rotation." }),
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof ApiKey>;

export const CreatedApiKey = ApiKey.extend({
  key: z.string().max(64).nullable().meta({
    description:
      "The key itself, shown in this answer only: it is not stored. Null in a replay by `Idempotency-Key`. If you lost it, revoke the key and create another.",
    example: "sandi_live_9fK2mQx7…",
  }),
}).meta({ id: "CreatedApiKey" });
export type CreatedApiKey = z.infer<typeof CreatedApiKey>;

export const ListApiKeys = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(100).meta({ description: "At most this many on a page." }),
  cursor: KeyId.optional().meta({ description: "`nextCursor` of the previous page." }),
});
export type ListApiKeys = z.infer<typeof ListApiKeys>;

export const ApiKeyList = z
  .object({
    keys: z.array(ApiKey).max(100),
    nextCursor: KeyId.nullable().meta({ description: "The `cursor` of the next page; null on the last page." }),
  })
  .meta({ id: "ApiKeyList" });
export type ApiKeyList = z.infer<typeof ApiKeyList>;
