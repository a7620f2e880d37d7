import { AppError, type Scope, scopes as allScopes } from "@sandi/contracts";
import { parseRange } from "../addresses.ts";
import { type ApiKeyRow, scopesOf } from "../auth/calling-key.ts";
import type { Powers } from "../auth/powers.ts";

export const powersOf = (row: ApiKeyRow): Powers => ({
  environment: row.environment,
  scopes: scopesOf(row),
  ipAllowList: JSON.parse(row.ipAllowList) as string[],
  expiresAt: row.expiresAt,
});

/** Throws `key-ended` for a key that was revoked, replaced or has expired. */
export function requireWorkingKey({ revokedAt, replacedBy, expiresAt }: ApiKeyRow, at: number): void {
  if (revokedAt !== null) throw new AppError("key-ended", { detail: "The key was revoked." });
  if (replacedBy !== null) throw new AppError("key-ended", { detail: `The key was replaced by ${replacedBy}.` });
  if (expiresAt !== null && expiresAt <= at) throw new AppError("key-ended", { detail: "The key has expired." });
}

/** Throws `invalid-request` for entries that are neither an address nor a range. */
export function validateIpList(ipAllowList: readonly string[]): void {
  const errors = ipAllowList.flatMap((text, i) =>
    parseRange(text)
      ? []
      : [
          {
            pointer: `/ipAllowList/${i}`,
            message: "must be an IP address, or a CIDR range that begins with its first address",
          },
        ],
  );
  if (errors.length > 0) throw new AppError("invalid-request", { errors });
}

/** The scopes without duplicates, in the order of `scopes`. */
export function ordered(scopes: readonly Scope[]): Scope[] {
  return allScopes.filter((scope) => scopes.includes(scope));
}
