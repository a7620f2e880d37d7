import { AppError, type FieldError, Policy, type PolicyChange, type Quota } from "@sandi/contracts";
import { isSupportedCountry } from "libphonenumber-js/max";
import { fieldErrors } from "../http/validation.ts";
import { StoredPolicy } from "../stored-policy.ts";

type Chosen = Record<string, unknown>;

/** The fields that a workspace has set, with a change applied. Null restores a default, so the field is deleted. */
export function merged(chosen: Chosen, change: Chosen): Chosen {
  const result: Chosen = { ...chosen };
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) continue;
    if (value === null) delete result[name];
    else result[name] = isObject(value) ? merged((result[name] ?? {}) as Chosen, value) : value;
  }
  return result;
}

const isObject = (value: unknown): value is Chosen =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The policy after a change. Throws `invalid-request` with the fields that contradict each other. */
export function changedPolicy(chosen: Chosen, change: PolicyChange): { chosen: Chosen; policy: Policy } {
  const next = merged(chosen, change);
  const schema = change.companyName === undefined ? StoredPolicy : Policy;
  const { data: policy, error } = schema.safeParse(next);
  const errors = policy ? conflicts(policy, change) : fieldErrors(error.issues, "/policy");
  if (!policy || errors.length > 0) throw new AppError("invalid-request", { errors });
  return { chosen: next, policy };
}

/** Refuses a change that keeps rows for longer than the quota allows. An older setting may stay. */
export function refuseLongRetention(policy: Policy, quota: Quota, change: PolicyChange | undefined): void {
  const errors = Object.entries(policy.retentionDays).flatMap(([name, days]): FieldError[] => {
    const most = quota.retentionDays[name as keyof Policy["retentionDays"]];
    const isAsked = change?.retentionDays?.[name as keyof Policy["retentionDays"]] !== undefined;
    if (!isAsked || days <= most) return [];
    const message = `must be at most ${most} (the quota's \`retentionDays.${name}\`)`;
    return [{ pointer: `/policy/retentionDays/${name}`, message }];
  });
  if (errors.length > 0) throw new AppError("invalid-request", { errors });
}

function conflicts({ modes, defaultMode, countries, defaultCountry }: Policy, change: PolicyChange): FieldError[] {
  const found: FieldError[] = [];
  if (!modes.includes(defaultMode)) {
    found.push({ pointer: "/policy/defaultMode", message: `must be one of the modes: ${modes.join(", ")}` });
  }
  if (defaultCountry !== null && !isSupportedCountry(defaultCountry)) {
    found.push({ pointer: "/policy/defaultCountry", message: "is not a country with phone numbers" });
  }
  for (const [i, country] of countries.entries()) {
    if (country === "*" || isSupportedCountry(country)) continue;
    found.push({ pointer: `/policy/countries/${i}`, message: "is not a country with phone numbers" });
  }
  const isTouched = change.countries !== undefined || change.defaultCountry !== undefined;
  if (isTouched && countries.length === 0 && defaultCountry === null) {
    found.push({ pointer: "/policy/countries", message: "must name a country while there is no default country" });
  }
  return found;
}
