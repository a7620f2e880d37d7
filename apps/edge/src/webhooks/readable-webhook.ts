import { AppError, type Scope } from "@sandi/contracts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { findOwnedEndpoint, type OwnedEndpoint, scopesOfOwner } from "../outbound/owned-endpoint.ts";

const readingScopes: readonly Scope[] = ["message:read", "lookup:read"];

/** What the webhook's key lets it see. */
export function readingScopesOf(row: OwnedEndpoint): readonly Scope[] {
  const owned = scopesOfOwner(row);
  return readingScopes.filter((scope) => owned?.has(scope) ?? true);
}

/**
 * Finds a webhook whose deliveries the caller may read: their types, their number and what the address answered tell of
 * what was sent. Throws `webhook-not-found`, or `insufficient-scope` if the webhook sees more than the calling key.
 */
export async function findReadableWebhook({ services, actor }: Context, id: string): Promise<OwnedEndpoint> {
  const at = services.now().getTime();
  const row = await findOwnedEndpoint(services.db, tenantOf(actor), { topic: "event", id, at });
  if (!row) throw new AppError("webhook-not-found");
  const missing = readingScopesOf(row).filter((scope) => !actor.scopes.has(scope));
  if (missing.length > 0) {
    throw new AppError("insufficient-scope", { detail: `The calling key lacks ${missing.join(", ")}.` });
  }
  return row;
}
