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

/** What a request comes to under the workspace's policy and the key's scopes. */
export interface Plan {
  phone: Phone;
  mode: VerificationMode;
  variant: InboundVariant;
  /** When no sender may open a chat the user may be asked to write to us instead: not for a code that others check. */
  mayFallBack: boolean;
  code: string;
  /** The caller knows the code: the row is flagged, and there is no proof. */
  hasKnownCode: boolean;
  checks: number;
  sends: number;
  lifetimeMs: number;
}

/** A code this short is checked less often, lives less long, and locks its destination sooner. */
export const shortCode = { upTo: 5, checks: 3, seconds: 300, lockAfterFailures: 10 };

/** Reads a request; throws with the field and the reason, or with what the policy or a scope refuses. */
export function planVerification(ctx: Context, body: CreateVerification): Plan {
  const { actor } = ctx;
  const { random } = ctx.services;
  const { policy } = actor;
  const phone = readPhone(actor, body.to, "/to");
  const mode = body.mode ?? policy.defaultMode;
  if (!policy.modes.includes(mode)) throw refusedByPolicy(`It allows the modes ${policy.modes.join(", ")}.`);
  if (body.code !== undefined) needScope(actor, "otp:custom");
  if (body.revealCode) {
    needScope(actor, "otp:reveal");
    if (!policy.allowReveal) throw refusedByPolicy("`allowReveal` is off.");
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
