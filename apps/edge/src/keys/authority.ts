import { AppError, type Scope, scopes as allScopes } from "@sandi/contracts";
import { sql } from "kysely";
import { isRangeWithin, parseRange } from "../http/addresses.ts";
import type { KnownKey } from "../db/schema.ts";
import type { ApiKeyRow } from "./repository.ts";

interface Powers {
  scopes: readonly Scope[];
  environment: "live" | "test";
}

const refuse = (detail: string) => new AppError("insufficient-scope", { detail });

/** A key gives nothing that it has not, and handles no key that may do more than itself. */
export function refuseBeyond(key: KnownKey, { scopes, environment }: Powers): void {
  if (key.environment === "test" && environment !== "test") throw refuse("A test key handles test keys only.");
  const missing = scopes.filter((scope) => !key.scopes.has(scope));
  if (missing.length > 0) throw refuse(`The calling key itself lacks ${missing.join(", ")}.`);
}

/** A key makes none that outlives it. */
export function refuseLonger(key: KnownKey, expiresAt: number | null): void {
  if (key.expiresAt === null || (expiresAt !== null && expiresAt <= key.expiresAt)) return;
  throw refuse("The calling key expires before that.");
}

/** What was revoked, replaced or has expired is not changed any more. */
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

/** A key that may be used from some addresses only gives no key that may be used from others. */
export function refuseWider(key: KnownKey, ipAllowList: readonly string[]): void {
  if (key.ipAllowList.length === 0) return;
  const isWithin = (text: string) => key.ipAllowList.some((own) => isRangeWithin(text, own));
  if (ipAllowList.length > 0 && ipAllowList.every(isWithin)) return;
  throw refuse("The calling key itself may not be used from all of these addresses.");
}

/** Each once, in the order of the list of scopes. */
export function ordered(scopes: readonly Scope[]): Scope[] {
  return allScopes.filter((scope) => scopes.includes(scope));
}

/** True in SQL while the calling key may still do this: what was looked up a minute ago may have been revoked since. */
export function stillMay(
  { id, workspaceId, expiresAt }: KnownKey,
  { scopes, at }: { scopes: readonly Scope[]; at: number },
) {
  const wanted = JSON.stringify([...scopes, "key:manage"]);
  return sql<boolean>`EXISTS (SELECT 1 FROM api_key a WHERE a.id = ${id} AND a.workspace_id = ${workspaceId}
    AND a.revoked_at IS NULL AND (a.expires_at IS NULL OR a.expires_at > ${at})
    AND a.replaced_by IS NULL AND a.expires_at IS ${expiresAt}
    AND NOT EXISTS (SELECT 1 FROM json_each(${wanted}) w WHERE w.value NOT IN (SELECT value FROM json_each(a.scopes))))`;
}

/** Nothing was stored although nothing else stood against it: the calling key is not what it was. */
export const noLonger = () =>
  new AppError("unauthenticated", { detail: "The key was revoked, has expired, or lost a scope a moment ago." });
