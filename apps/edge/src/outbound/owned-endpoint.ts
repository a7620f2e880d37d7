import type { OwnerEnding, Scope } from "@sandi/contracts";
import { sql } from "kysely";
import type { Tenant } from "../auth/tenant.ts";
import type { Db } from "../db/schema.ts";
import type { EndpointTable } from "../db/tables/deliveries.ts";
import { endpointEnding } from "./orphans.ts";

/** The endpoints of a topic: those of live keys, or those of the sandbox. */
export const selectEndpoints = (db: Db, { workspaceId, test }: Tenant, topic: EndpointTable["topic"]) =>
  db.kysely
    .selectFrom("endpoint")
    .selectAll("endpoint")
    .where("endpoint.workspaceId", "=", workspaceId)
    .where("endpoint.topic", "=", topic)
    .where("endpoint.test", "=", test);

/** An endpoint, what its key may do and until when, and why it has ended with the key. */
export type OwnedEndpoint = EndpointTable & {
  ownerExpiresAt: number | null;
  /** JSON; null: the workspace owns it. */
  ownerScopes: string | null;
  endedBecause: OwnerEnding | null;
};

export const findOwnedEndpoint = (
  db: Db,
  tenant: Tenant,
  { topic, id, at }: { topic: EndpointTable["topic"]; id: string; at: number },
): Promise<OwnedEndpoint | undefined> =>
  selectEndpoints(db, tenant, topic)
    .leftJoin("apiKey as owner", "owner.id", "endpoint.createdBy")
    .select(["owner.expiresAt as ownerExpiresAt", sql<string | null>`owner.scopes`.as("ownerScopes")])
    .select(endpointEnding(at).as("endedBecause"))
    .where("endpoint.id", "=", id)
    .executeTakeFirst();

/** The scopes of the key that owns it; undefined: the workspace owns it, and it has all. */
export const scopesOfOwner = ({ ownerScopes }: Pick<OwnedEndpoint, "ownerScopes">): ReadonlySet<Scope> | undefined =>
  ownerScopes === null ? undefined : new Set(JSON.parse(ownerScopes) as Scope[]);
