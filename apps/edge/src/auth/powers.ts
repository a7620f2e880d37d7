import { AppError, type Scope } from "@sandi/contracts";
import { isRangeWithin } from "../addresses.ts";

/** What a key may do, or something that acts for a key. */
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
