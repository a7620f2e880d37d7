import type { InboundVariant, Scope } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { VerificationTable } from "../db/schema.ts";
import type { Tenant } from "../auth/tenant.ts";
import { isUnreachableTo } from "./status.ts";

/** Who approves: the right code, a message from the number itself, or the caller on its own word. */
export type Approver = NonNullable<VerificationTable["approvedBy"]>;

interface Which {
  id: string | RawBuilder<unknown>;
  tenant: Tenant;
  /** Of the calling key: a verification that has ended for this key is not open. None for a received message. */
  scopes?: ReadonlySet<Scope>;
  at: number;
}

// Each way to `approved` is one UPDATE of `verification`, and its conditions come from here:
// a check needs isOpen, isUnlocked and isFromClient (the code's MAC covers `bind`);
// a message needs isOpen, isUnlocked and messageSuffices; the caller's word needs isOpen, isFromClient and isBoundTo.

/** True in SQL for the verification of this tenant, while it is pending and has not expired. */
export const isOpen = ({ id, tenant: { workspaceId, test }, scopes, at }: Which) => sql<boolean>`(id = ${id}
  AND workspace_id = ${workspaceId} AND test = ${test} AND status = 'pending' AND expires_at > ${at}
  AND NOT ${isUnreachableTo(scopes, "verification")})`;

/** True in SQL unless wrong codes have locked its number. A lock does not stop the caller's word, which guesses nothing. */
export const isUnlocked = (at: number) => sql<boolean>`NOT EXISTS (SELECT 1 FROM destination_budget b
  WHERE b.workspace_id = verification.workspace_id AND b.to_hash = verification.to_hash AND b.locked_until > ${at})`;

/** True in SQL when the verification has no `clientBinding`, or has this challenge. */
export const isFromClient = (challenge: string | null) =>
  sql<boolean>`(client_binding IS NULL OR client_binding = ${challenge})`;

/** True in SQL when the verification has this `bind`: the same amount and payee, or neither. */
export const isBoundTo = (bind: string | null) => sql<boolean>`(bind IS ${bind})`;

/**
 * True in SQL when a message from its number approves it. The message shows no amount, no payee and no verifier: what
 * has a `bind` or a `clientBinding` always waits for its code, whatever variant the row was stored with.
 */
export const messageSuffices = sql<boolean>`(inbound_variant = 'match' AND bind IS NULL AND client_binding IS NULL)`;

/** The variant that holds for a verification: `messageSuffices` outside of SQL. */
export const variantOf = (
  wanted: InboundVariant,
  { bind, clientBinding }: { bind?: unknown; clientBinding?: unknown },
) => ((bind ?? clientBinding ?? null) === null ? wanted : "reply");

/** In the SET of that UPDATE, beside the transition `approve`: who approved it, and when. */
export const approvedBy = (by: Approver, { at, when }: { at: number; when: RawBuilder<boolean> }) => sql`
  approved_at = CASE WHEN ${when} THEN ${at} END, approved_by = CASE WHEN ${when} THEN ${by} END`;
