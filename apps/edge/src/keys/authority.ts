import { AppError, type Scope, scopes as allScopes } from "@sandi/contracts";
import { isRangeWithin, parseRange } from "../http/addresses.ts";
import { type ApiKeyRow, scopesOf } from "./repository.ts";

/** What a key may do, or something that acts for a key. */
export interface Powers {
  environment: "live" | "test";
  scopes: Iterable<Scope>;
  /** Addresses and CIDR ranges; empty: from anywhere. */
  ipAllowList: readonly string[];
  /** Milliseconds; null: never. */
  expiresAt: number | null;
}

export const powersOf = (row: ApiKeyRow): Powers => ({
  environment: row.environment,
  scopes: scopesOf(row),
  ipAllowList: JSON.parse(row.ipAllowList) as string[],
  expiresAt: row.expiresAt,
});

const refuse = (detail: string) => new AppError("insufficient-scope", { detail });

/**
 * The only comparison of authority. Throws `insufficient-scope` if `powers` exceed the calling key's: a key makes,
 * changes, reveals and lends only what may do no more than itself.
 * @param powers of the other key, hook or channel; a change is compared twice, as it is and as it will be
 */
export function refuseBeyond(key: Powers, powers: Powers): void {
  if (key.environment === "test" && powers.environment !== "test") throw refuse("A test key handles test keys only.");
  const own = new Set(key.scopes);
  const missing = [...powers.scopes].filter((scope) => !own.has(scope));
  if (missing.length > 0) throw refuse(`The calling key itself lacks ${missing.join(", ")}.`);
  if (key.expiresAt !== null && (powers.expiresAt === null || powers.expiresAt > key.expiresAt)) {
    throw refuse("The calling key expires before that.");
  }
  const isWithin = (text: string) => key.ipAllowList.some((range) => isRangeWithin(text, range));
  if (key.ipAllowList.length > 0 && !(powers.ipAllowList.length > 0 && powers.ipAllowList.every(isWithin))) {
    throw refuse("The calling key itself may not be used from all of these addresses.");
  }
}

/** Refuses to change a key that was revoked or replaced, or has expired. */
export function refuseEnded({ revokedAt, replacedBy, expiresAt }: ApiKeyRow, at: number): void {
  if (revokedAt !== null) throw new AppError("key-ended", { detail: "The key was revoked." });
  if (replacedBy !== null) throw new AppError("key-ended", { detail: `The key was replaced by ${replacedBy}.` });
  if (expiresAt !== null && expiresAt <= at) throw new AppError("key-ended", { detail: "The key has expired." });
}

/** Milliseconds of an expiry, which lies ahead. */
export function expiryOf(text: string | null, at: number): number | null {
  if (text === null) return null;
  const expiresAt = Date.parse(text);
  if (expiresAt > at) return expiresAt;
  throw new AppError("invalid-request", { errors: [{ pointer: "/expiresAt", message: "must lie in the future" }] });
}

/** Names what is neither an address nor a range. */
export function refuseUnreadable(ipAllowList: readonly string[]): void {
  const errors = ipAllowList.flatMap((text, i) =>
    parseRange(text)
      ? []
      : [{ pointer: `/ipAllowList/${i}`, message: "must be an IP address, or a CIDR range from its first address on" }],
  );
  if (errors.length > 0) throw new AppError("invalid-request", { errors });
}

/** Each once, in the order of the list of scopes. */
export function ordered(scopes: readonly Scope[]): Scope[] {
  return allScopes.filter((scope) => scopes.includes(scope));
}
