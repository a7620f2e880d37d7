import { AppError, type CreateAccessRule } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { isSupportedCountry } from "libphonenumber-js/max";
import type { Context } from "../context.ts";
import { parseRange } from "../addresses.ts";
import { parsePhone } from "../phone.ts";

/** What a rule matches: the stored values, and the label that is shown. */
export interface Subject {
  value: string;
  valueTo: string;
  label: string;
}

/** Parses the value of a new rule. Throws `invalid-request` with the reason. */
export async function subjectOf(
  ctx: Context,
  { kind, value: text }: Pick<CreateAccessRule, "kind" | "value">,
): Promise<Subject> {
  const { phoneKey } = ctx.services;
  const { workspaceId, policy } = ctx.actor;
  const pointer = "/value";
  const refuse = (message: string) => new AppError("invalid-request", { errors: [{ pointer, message }] });
  if (kind === "number") {
    const { e164, masked } = parsePhone(text, { pointer, defaultCountry: policy.defaultCountry });
    return { value: await phoneHash(phoneKey, workspaceId, e164), valueTo: "", label: masked };
  }
  if (kind === "prefix") {
    const digits = text.replace(/^\+/, "");
    if (!/^[1-9][0-9]{0,14}$/.test(digits)) throw refuse("must be 1 to 15 digits, country code first");
    return { value: digits, valueTo: "", label: digits };
  }
  if (kind === "country") {
    if (!isSupportedCountry(text)) throw refuse("must be a country with phone numbers, such as ID");
    return { value: text, valueTo: "", label: text };
  }
  const range = parseRange(text);
  if (!range) throw refuse("must be an IP address, or a CIDR range that begins with its first address");
  return { value: range.first, valueTo: range.last, label: text };
}
