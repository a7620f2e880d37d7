import type { InboundVariant, Scope } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { VerificationTable } from "../db/tables/verifications.ts";
import type { Tenant } from "../auth/tenant.ts";
import { isUnreachableTo } from "./status.ts";

/** What approves a verification: the right code, a message from the number, or the caller (external). */
export type Approver = NonNullable<VerificationTable["approvedBy"]>;

interface Which {
  id: string | RawBuilder<unknown>;
  tenant: Tenant;
  /** The scopes of the calling key: a verification that has ended for this key is not open. None for a received message. */
  scopes?: ReadonlySet<Scope>;
  at: number;
}

// Each approval is one UPDATE of `verification`, and its conditions come from here:
// a check needs isOpen, isUnlocked and isFromClient (the code's MAC covers `bind`);
// a message needs isOpen, isUnlocked and messageSuffices; an external approval needs isOpen, isFromClient and isBoundTo.

/** True in SQL for the verification of this tenant, while it is pending and has not expired. */
export const isOpen = ({ id, tenant: { workspaceId, test }, scopes, at }: Which) => sql<boolean>`(id = ${id}
  AND workspace_id = ${workspaceId} AND test = ${test} AND status = 'pending' AND expires_at > ${at}
  AND NOT ${isUnreachableTo(scopes, "verification")})`;

/** True in SQL unless wrong codes have locked its number. External approvals ignore locks: they guess nothing. */
export const isUnlocked = (at: number) => sql<boolean>`NOT EXISTS (SELECT 1 FROM destination_budget b
  WHERE b.workspace_id = verification.workspace_id AND b.to_hash = verification.to_hash AND b.locked_until > ${at})`;

/** True in SQL if the verification has no `clientBinding`, or has this challenge. */
export const isFromClient = (challenge: string | null) =>
  sql<boolean>`(client_binding IS NULL OR client_binding = ${challenge})`;

/** True in SQL if the verification has this `bind`: the same amount and payee, or neither. */
export const isBoundTo = (bind: string | null) => sql<boolean>`(bind IS ${bind})`;

/**
 * True in SQL if a message from its number approves the verification. The message shows no amount, payee or verifier, so a
 * verification with a `bind` or a `clientBinding` always needs its code, for every stored variant.
 */
export const messageSuffices = sql<boolean>`(inbound_variant = 'match' AND bind IS NULL AND client_binding IS NULL)`;

/** The effective variant of a verification: `messageSuffices` in TypeScript. */
export const variantOf = (
  wanted: InboundVariant,
  { bind, clientBinding }: { bind?: unknown; clientBinding?: unknown },
) => ((bind ?? clientBinding ?? null) === null ? wanted : "reply");

/** In the SET of the transition `approve`: what approved it, and when. */
export const approvedBy = (by: Approver, { at, when }: { at: number; when: RawBuilder<boolean> }) => sql`
  approved_at = CASE WHEN ${when} THEN ${at} END, approved_by = CASE WHEN ${when} THEN ${by} END`;
