import { z } from "zod";
import { HookId, TemplateId } from "../ids.ts";
import { CompanyName, plainName, SigningSecret, Timestamp } from "./common.ts";
import { CreatedBy, OwnerEnding } from "./keys.ts";
import { Locale } from "./policy.ts";

const Name = plainName("Yours to choose; shown in lists.", "Production");

const text = {
  companyName: CompanyName.nullable().meta({
    description: "The company name in the text; null: the workspace's name.",
  }),
  locale: Locale.nullable().meta({
    description: "The language of the text; null: the language of the number's country.",
  }),
  templateId: TemplateId.nullable().meta({
    description: "The template; null: the default template of the purpose, else the one for `supabase`.",
  }),
};

export const CreateSupabaseHook = z
  .strictObject({
    name: Name,
    secret: SigningSecret.optional().meta({
      description:
        "The secret that Supabase shows (`v1,whsec_…`). If it is left out, the answer has a new secret, once.",
    }),
    companyName: text.companyName.default(null),
    locale: text.locale.default(null),
    templateId: text.templateId.default(null),
  })
  .meta({ id: "CreateSupabaseHook" });
export type CreateSupabaseHook = z.infer<typeof CreateSupabaseHook>;

export const ChangeSupabaseHook = z
  .strictObject({
    name: Name.optional(),
    secret: SigningSecret.optional().meta({ description: "A new secret. The old secret stays valid for 24 hours." }),
    companyName: text.companyName.optional(),
    locale: text.locale.optional(),
    templateId: text.templateId.optional(),
    adopt: z.literal(true).optional().meta({
      description: "The hook belongs to the calling key from now on and stops with it. A stopped hook works again.",
    }),
  })
  .meta({ id: "ChangeSupabaseHook", description: "Fields that are left out do not change." });
export type ChangeSupabaseHook = z.infer<typeof ChangeSupabaseHook>;

export const SupabaseHook = z
  .object({
    id: HookId,
    name: Name,
    url: z.url().meta({
      description: "The address for Supabase: put it into the settings of its Send SMS hook.",
      example: "https://api.example.com/v1/hooks/supabase/hook_01jd3k9v7hq2w8x5n4b6m0c1ta",
    }),
    ...text,
    previousSecretUntil: Timestamp.nullable().meta({
      description: "Until this time the previous secret is valid, too.",
    }),
    createdBy: CreatedBy,
    endedBecause: OwnerEnding.nullable().meta({
      description:
        "Why the hook is stopped: its key was `revoked`, has `expired`, or was `narrowed` (no `otp:send`, no `otp:custom`, or a list of addresses). `adopt` it with another key. Null while it works.",
    }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: "SupabaseHook", description: "Supabase Auth sends codes to this hook, and Sandi delivers them." });
export type SupabaseHook = z.infer<typeof SupabaseHook>;

export const CreatedSupabaseHook = SupabaseHook.extend({
  secret: z.string().max(128).nullable().meta({
    description:
      "The new secret, shown in this answer only. Null if the request had a secret, and in a replay by `Idempotency-Key`.",
    example: "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  }),
}).meta({ id: "CreatedSupabaseHook" });
export type CreatedSupabaseHook = z.infer<typeof CreatedSupabaseHook>;

export const SupabaseHookList = z
  .object({ hooks: z.array(SupabaseHook).max(20).meta({ description: "All of them, oldest first." }) })
  .meta({ id: "SupabaseHookList" });

const SupabasePhone = z.string().max(32).nullish();

/**
 * The fields of Supabase Auth's Send SMS hook that Sandi uses; other fields are ignored. Supabase Auth before September
 * 2025 sends no `sms.phone`: then the code goes to the user's number.
 */
export const SupabaseSms = z
  .object({
    user: z.object({ id: z.string().min(1).max(200), phone: SupabasePhone, new_phone: SupabasePhone }),
    sms: z.object({
      otp: z.string().regex(/^[0-9]{4,10}$/, "must be 4 to 10 digits"),
      phone: SupabasePhone,
      // The purpose becomes `supabase.` and this value, which limits its form and length.
      sms_type: z
        .string()
        .regex(/^[a-z0-9_.-]{0,23}$/, "must be at most 23 of a-z, 0-9, '_', '.', '-'")
        .optional(),
    }),
    metadata: z
      .object({
        ip_address: z.union([z.ipv4(), z.ipv6(), z.literal("")], "must be an IPv4 or IPv6 address").optional(),
      })
      .optional(),
  })
  .superRefine(({ user, sms }, context) => {
    if (sms.phone) return;
    if (!user.phone && !user.new_phone) {
      const message = user.phone === "" ? "must not be empty" : "is required";
      context.addIssue({ code: "custom", path: ["user", "phone"], message });
    }
    if (user.phone && user.new_phone && user.phone !== user.new_phone) {
      const message = "is required: the user has a number and a new one, and the code must not go to the wrong one";
      context.addIssue({ code: "custom", path: ["sms", "phone"], message });
    }
  });
export type SupabaseSms = z.infer<typeof SupabaseSms>;
