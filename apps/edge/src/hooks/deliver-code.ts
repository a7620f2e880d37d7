import { type CreateVerification, SupabaseSms } from "@sandi/contracts";
import { hmac, utf8 } from "@sandi/crypto";
import type { Context } from "../context.ts";
import type { SupabaseHookTable } from "../db/tables/workspaces.ts";
import type { IdempotencyKey } from "../http/idempotency/create.ts";
import { parseBody } from "../http/validation.ts";
import type { Services } from "../services.ts";
import { templatesOf } from "../templates/cache.ts";
import { createVerification } from "../verifications/create-verifications.ts";

/** The purpose of a hook's codes. The type of the code follows after a dot: `supabase.mfa`. */
const purpose = "supabase";

/** Makes a request for a verification from Supabase's payload. Throws `invalid-request` with the wrong field. */
export function readSms(hook: SupabaseHookTable, raw: string): CreateVerification {
  const { user, sms, metadata } = parseBody(SupabaseSms, JSON.parse(raw));
  const phone = sms.phone || user.phone || user.new_phone || "";
  // Supabase marks second factors only. A code for a new number is recognised by its recipient.
  const isChange = plain(phone) === plain(user.new_phone) && plain(phone) !== plain(user.phone);
  const type = sms.sms_type || (isChange ? "phone_change" : undefined);
  return {
    to: `+${plain(phone)}`,
    purpose: type === undefined ? purpose : `${purpose}.${type}`,
    mode: "push",
    code: sms.otp,
    metadata: { supabaseUserId: user.id },
    ...(metadata?.ip_address ? { endUserIp: metadata.ip_address } : {}),
    ...(hook.companyName === null ? {} : { companyName: hook.companyName }),
    ...(hook.locale === null ? {} : { locale: hook.locale }),
    ...(hook.templateId === null ? {} : { templateId: hook.templateId }),
  };
}

/** Supabase stores numbers without the plus. */
const plain = (phone: string | null | undefined) => phone?.replace(/^\+/, "");

interface Delivery {
  hook: SupabaseHookTable;
  body: CreateVerification;
  /** The raw body, whose signature was verified. */
  raw: string;
}

/** Sends a code that Supabase made and will check. After the cooldown, a new code replaces the last one. */
export async function deliverCode(ctx: Context, { hook, body, raw }: Delivery): Promise<void> {
  const templateId = body.templateId ?? (await templateOf(ctx, body.purpose));
  await createVerification(ctx, {
    body: templateId === undefined ? body : { ...body, templateId },
    idempotencyKey: await idempotencyKeyFor(ctx.services, hook, raw),
  });
}

/** The default template of the purpose, else the default of `supabase`. */
async function templateOf(ctx: Context, wanted: string): Promise<string | undefined> {
  const templates = await templatesOf(ctx);
  const found = [wanted, purpose].map((name) => templates.find((each) => each.purpose === name));
  return found.find((each) => each !== undefined)?.id;
}

/**
 * Supabase repeats a request with the same body but another `webhook-id`, so the key is derived from the body. It is an
 * HMAC, because the body holds the code.
 */
async function idempotencyKeyFor(
  { peppers }: Services,
  { id }: SupabaseHookTable,
  raw: string,
): Promise<IdempotencyKey> {
  const keyHash = await hmac(peppers.current.bytes, utf8(["supabase.v1", id, raw].join("\0")));
  return { keyHash, fingerprint: keyHash };
}
