import {
  AppError,
  type CreateVerification,
  type InboundVariant,
  type Scope,
  type VerificationMode,
} from "@sandi/contracts";
import { alphanumericCode, numericCode } from "@sandi/crypto";
import type { Actor } from "../actor.ts";
import type { Context } from "../context.ts";
import { type Phone, readPhone } from "../phone.ts";
import { senderOf } from "../messages/sender-of.ts";
import { tenantOf } from "../auth/tenant.ts";
import { variantOf } from "./approval.ts";

/** A request with all values filled in from the workspace's policy. */
export interface Plan {
  phone: Phone;
  mode: VerificationMode;
  variant: InboundVariant;
  /** The user may be asked to write to us if no sender may open a chat. Not for the caller's own code. */
  mayFallBack: boolean;
  code: string;
  /** The caller knows the code, so an approval has no proof. */
  hasKnownCode: boolean;
  checks: number;
  sends: number;
  lifetimeMs: number;
}

/** A short code has fewer checks and a shorter life, and locks its destination earlier. */
export const shortCode = { upTo: 5, checks: 3, seconds: 300, lockAfterFailures: 10 };

/** Validates a request against the policy and the key's scopes. Throws with the wrong field, or the policy or scope. */
export function planVerification(ctx: Context, body: CreateVerification): Plan {
  const { actor } = ctx;
  const { random } = ctx.services;
  const { policy } = actor;
  const phone = readPhone(actor, body.to, "/to");
  const mode = body.mode ?? policy.defaultMode;
  if (!policy.modes.includes(mode)) throw refusedByPolicy(`The policy allows the modes ${policy.modes.join(", ")}.`);
  if (body.code !== undefined) needScope(actor, "otp:custom");
  if (body.revealCode) {
    needScope(actor, "otp:reveal");
    if (!policy.allowReveal) throw refusedByPolicy("The policy's `allowReveal` is off.");
  }
  const length = body.code?.length ?? body.codeLength ?? policy.codeLength;
  const isShort = length <= shortCode.upTo;
  const seconds =
    body.expiresIn ?? (isShort ? Math.min(shortCode.seconds, policy.expiresInSeconds) : policy.expiresInSeconds);
  if (isShort && seconds > shortCode.seconds) {
    const message = `must be at most ${shortCode.seconds} for a code of ${shortCode.upTo} or fewer`;
    throw new AppError("invalid-request", { errors: [{ pointer: "/expiresIn", message }] });
  }
  const alphabet = body.codeAlphabet ?? policy.codeAlphabet;
  const drawCode = alphabet === "numeric" ? numericCode : alphanumericCode;
  const sender = senderOf(tenantOf(actor));
  return {
    phone,
    mode,
    mayFallBack: body.code === undefined && policy.modes.includes("inbound"),
    variant: variantOf(body.inboundVariant ?? policy.inboundVariant, body),
    code: body.code?.toUpperCase() ?? sender.codeOf(length, (digits) => drawCode(digits, random)),
    hasKnownCode: body.code !== undefined || body.revealCode === true,
    checks: isShort ? Math.min(shortCode.checks, policy.maxChecks) : policy.maxChecks,
    sends: policy.maxSends,
    lifetimeMs: seconds * 1000,
  };
}

function needScope({ scopes }: Actor, scope: Scope): void {
  if (!scopes.has(scope)) throw new AppError("insufficient-scope", { detail: `The key needs the scope ${scope}.` });
}

const refusedByPolicy = (detail: string) => new AppError("policy-refuses", { detail });
