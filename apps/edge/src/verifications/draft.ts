import type { CreateVerification } from "@sandi/contracts";
import type { TraceContext } from "@sandi/tracing";
import { sql } from "kysely";
import type { Actor } from "../actor.ts";
import type { Tenant } from "../auth/tenant.ts";
import type { IdempotencyKey } from "../http/idempotency/create.ts";
import type { Plan } from "./plan.ts";
import type { Destination } from "./rules.ts";

export interface CreateInput {
  body: CreateVerification;
  idempotencyKey: IdempotencyKey | undefined;
}

/** A request with everything that its rows are made of. */
export interface Draft extends CreateInput {
  scopes: Actor["scopes"];
  tenant: Tenant;
  plan: Plan;
  at: number;
  id: string;
  messageId: string;
  destination: Destination;
  trace: TraceContext | undefined;
}

/** The verification that a draft has made or sent again; selects no row when neither happened. */
export const idOfDraft = ({
  messageId,
  destination: { workspaceId, toHash },
}: Pick<Draft, "messageId" | "destination">) =>
  sql<{ id: string }>`SELECT id FROM verification WHERE workspace_id = ${workspaceId} AND to_hash = ${toHash}
    AND renewed_by = ${messageId}`;
