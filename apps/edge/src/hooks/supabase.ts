import { AppError, errors, HookId } from "@sandi/contracts";
import { verifyWebhook } from "@sandi/crypto";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { parseRaw, readRaw } from "../http/body.ts";
import { consumeRateLimits } from "../http/rate-limits.ts";
import type { Services } from "../services.ts";
import { sendLimits } from "../verifications/limits.ts";
import { deliverCode, readSms } from "./deliver-code.ts";
import { findActingHook, secretsOf } from "./repository.ts";

/** Supabase sends the whole user in the body. */
const bodyLimit = 256 * 1024;

/**
 * Supabase Auth's Send SMS hook. Supabase shows its user the text of an error only if the status is 200, so errors that
 * the user can correct are answered with 200. Other statuses become a 500, and Supabase repeats 429 and 503 at once.
 */
export const supabase = new Hono<AppEnv>().post("/v1/hooks/supabase/:id", async (c) => {
  const { services } = c.env;
  const { headers } = c.req.raw;
  const id = c.req.param("id");
  // Without a signature the body is not read, and without a valid one it is not parsed.
  if (!headers.has("webhook-signature")) throw new AppError("signature-invalid");
  const raw = await readRaw(c, bodyLimit);
  const known = await signedBy(services, { id, headers, raw });
  // The same error for an unknown hook as for a wrong signature, so that ids cannot be tried.
  if (!known) throw new AppError("signature-invalid");
  parseRaw(c);
  const ctx = { services, actor: known.actor, trace: c.get("trace"), requestId: c.get("requestId") };
  c.set("ctx", ctx);
  try {
    if (known.hook.endedBecause !== null) throw new AppError("hook-ended");
    const body = readSms(known.hook, raw);
    await consumeRateLimits(c, await sendLimits(ctx, [body]));
    await deliverCode(ctx, { hook: known.hook, body, raw });
    return c.json({});
  } catch (error) {
    if (!(error instanceof AppError) || errors[error.code].status >= 500) throw error;
    return c.json({ error: { http_code: errors[error.code].status, message: messageOf(error) } });
  }
});

interface Signed {
  id: string;
  headers: Headers;
  raw: string;
}

async function signedBy(services: Services, { id, headers, raw }: Signed) {
  if (!HookId.safeParse(id).success) return undefined;
  const known = await findActingHook(services.db, { id, at: services.now().getTime() });
  if (!known) return undefined;
  const secrets = await secretsOf(services, known.hook);
  return (await verifyWebhook({ secrets, headers, body: raw, now: services.now() })) ? known : undefined;
}

/** A message for the user of an app: the fault in the number, or the time to wait. */
function messageOf({ code, extras }: AppError): string {
  const [field] = extras.errors ?? [];
  if (field) return `${field.pointer === "/to" ? "The phone number" : field.pointer} ${field.message}.`;
  const { title } = errors[code];
  return extras.retryAfter === undefined ? `${title}.` : `${title}. Try again in ${extras.retryAfter} seconds.`;
}
