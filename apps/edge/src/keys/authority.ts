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

/** Refuses to change a key that was revoked or replaced, or has expired. */
export function refuseEnded({ revokedAt, replacedBy, expiresAt }: ApiKeyRow, at: number): void {
  if (revokedAt !== null) throw new AppError("key-ended", { detail: "The key was revoked." });
  if (replacedBy !== null) throw new AppError("key-ended", { detail: `The key was replaced by ${replacedBy}.` });
  if (expiresAt !== null && expiresAt <= at) throw new AppError("key-ended", { detail: "The key has expired." });
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
