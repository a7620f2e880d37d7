import { z } from "zod";
import { KeyId } from "../ids.ts";
import { Scope, scopes } from "../scopes.ts";
import { plainName, Timestamp } from "./common.ts";

const KeyName = plainName("Yours to choose; shown in lists.", "Checkout service");

const KeyScopes = z
  .array(Scope)
  .min(1)
  .max(scopes.length)
  .meta({ description: "What the key may do; nothing that the calling key may not.", example: ["otp:send"] });

const IpAllowList = z
  .array(z.string().min(2).max(49))
  .max(100)
  .meta({
    description:
      "Addresses and CIDR ranges (IPv4, IPv6), each range written with its first address, that the key may be used from; empty: from anywhere.",
    example: ["203.0.113.0/24", "2001:db8::1"],
  });

const ExpiresAt = Timestamp.nullable().meta({
  description: "From then on the key is refused; null: never. Not later than the calling key's own.",
});

export const KeyEnvironment = z.enum(["live", "test"]).meta({
  description: "`test`: for the sandbox; nothing is sent.",
});

/** Why a key's hook or channel has ended: the key was revoked, has expired, or may no longer make one. */
export const OwnerEnding = z.enum(["revoked", "expired", "narrowed"]);
export type OwnerEnding = z.infer<typeof OwnerEnding>;

/** The key that something belongs to. */
export const CreatedBy = KeyId.nullable().meta({
  description:
    "The API key that it belongs to and ends with: the key that made it, that key's replacement, or one that took it over. Null for one made before this field existed: it belongs to the workspace and ends with no key.",
});

export const CreateApiKey = z
  .strictObject({
    name: KeyName,
    scopes: KeyScopes,
    environment: KeyEnvironment.default("live"),
    expiresAt: ExpiresAt.optional().meta({ description: "The calling key's own if left out; null: never." }),
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
  .meta({ id: "ChangeApiKey", description: "What is left out stays." });
export type ChangeApiKey = z.infer<typeof ChangeApiKey>;

export const RotateApiKey = z
  .strictObject({
    graceSeconds: z.int().min(0).max(604_800).default(86_400).meta({
      description: "For so long the old key still works, a week at most.",
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
      .meta({ description: "The first eight characters behind `sandi_live_`.", example: "9fK2mQx7" }),
    environment: KeyEnvironment,
    scopes: z.array(Scope).max(scopes.length),
    ipAllowList: IpAllowList,
    createdAt: Timestamp,
    expiresAt: Timestamp.nullable(),
    revokedAt: Timestamp.nullable(),
    lastUsedAt: Timestamp.nullable().meta({ description: "To the minute." }),
    replacedBy: KeyId.nullable().meta({ description: "The key that a rotation made in its place." }),
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof ApiKey>;

export const CreatedApiKey = ApiKey.extend({
  key: z.string().max(64).nullable().meta({
    description:
      "The key itself, in this answer and never again: it is not stored. Null in a replay by `Idempotency-Key`; if you lost it, revoke the key and create another.",
    example: "sandi_live_9fK2mQx7…",
  }),
}).meta({ id: "CreatedApiKey" });
export type CreatedApiKey = z.infer<typeof CreatedApiKey>;

export const ListApiKeys = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(100).meta({ description: "At most so many on a page." }),
  cursor: KeyId.optional().meta({ description: "`nextCursor` of the page before." }),
});
export type ListApiKeys = z.infer<typeof ListApiKeys>;

export const ApiKeyList = z
  .object({
    keys: z.array(ApiKey).max(100),
    nextCursor: KeyId.nullable().meta({ description: "Ask with it for the next page; null: there is none." }),
  })
  .meta({ id: "ApiKeyList" });
export type ApiKeyList = z.infer<typeof ApiKeyList>;
