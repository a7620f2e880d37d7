import { type CreateVerification, SupabaseSms } from "@sandi/contracts";
import { hmac, utf8 } from "@sandi/crypto";
import type { KnownKey, SupabaseHookTable } from "../db/schema.ts";
import type { Repetition } from "../http/idempotency.ts";
import { parseBody } from "../http/validation.ts";
import type { Services } from "../services.ts";
import { createVerification } from "../verifications/create-verifications.ts";

interface Delivery {
  hook: SupabaseHookTable;
  key: KnownKey;
  /** The raw body, whose signature was verified. */
  raw: string;
}

/** Sends a code that Supabase made and will check; a new one takes the place of the last, after the cooldown. */
export async function deliverCode(services: Services, { hook, key, raw }: Delivery): Promise<void> {
  const { user, sms } = parseBody(SupabaseSms, JSON.parse(raw));
  const body: CreateVerification = {
    to: user.phone.startsWith("+") ? user.phone : `+${user.phone}`,
    purpose: "supabase",
    mode: "push",
    code: sms.otp,
    metadata: { supabaseUserId: user.id },
    ...(hook.companyName === null ? {} : { companyName: hook.companyName }),
    ...(hook.locale === null ? {} : { locale: hook.locale }),
    ...(hook.templateId === null ? {} : { templateId: hook.templateId }),
  };
  await createVerification(services, key, { body, repetition: await repetitionOf(services, hook, raw) });
}

/**
 * Supabase gives each attempt a `webhook-id` of its own, and the same body to all: the body is what tells a repetition.
 * Keyed, because it holds the code.
 */
async function repetitionOf({ peppers }: Services, { id }: SupabaseHookTable, raw: string): Promise<Repetition> {
  const keyHash = await hmac(peppers.current.bytes, utf8(["supabase.v1", id, raw].join("\0")));
  return { keyHash, fingerprint: keyHash };
}
