import { AppError, type Scope } from "@sandi/contracts";
import { isRangeWithin } from "../addresses.ts";

/** What a key, hook or channel may do. */
export interface Powers {
  environment: "live" | "test";
  scopes: Iterable<Scope>;
  /** Addresses and CIDR ranges; empty: from anywhere. */
  ipAllowList: readonly string[];
  /** Milliseconds; null: never. */
  expiresAt: number | null;
}

const refuse = (detail: string) => new AppError("insufficient-scope", { detail });

/**
 * Throws `insufficient-scope` if `powers` exceed those of the calling key: a key can create, change and reveal only what
 * may do no more than itself.
 * @param powers of the other key, hook or channel. A change compares them before and after.
 */
export function requirePowersWithin(key: Powers, powers: Powers): void {
  if (key.environment === "test" && powers.environment !== "test") throw refuse("A test key manages test keys only.");
  const own = new Set(key.scopes);
  const missing = [...powers.scopes].filter((scope) => !own.has(scope));
  if (missing.length > 0) throw refuse(`The calling key lacks ${missing.join(", ")}.`);
  if (key.expiresAt !== null && (powers.expiresAt === null || powers.expiresAt > key.expiresAt)) {
    throw refuse("The calling key expires earlier.");
  }
  const isWithin = (text: string) => key.ipAllowList.some((range) => isRangeWithin(text, range));
  if (key.ipAllowList.length > 0 && !(powers.ipAllowList.length > 0 && powers.ipAllowList.every(isWithin))) {
    throw refuse("The calling key may not be used from all of these addresses.");
  }
}

/** Only keys with this scope see whether a number has a WhatsApp account. */
export const seesAccounts = (scopes: ReadonlySet<Scope>) => scopes.has("lookup:read");
