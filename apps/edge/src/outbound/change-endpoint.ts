import type { ErrorCode, Scope } from "@sandi/contracts";
import type { Queries } from "@sandi/libsql";
import type { Actor } from "../actor.ts";
import { difference } from "../audit/difference.ts";
import { requirePowersWithin } from "../auth/powers.ts";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { EndpointTable } from "../db/tables/deliveries.ts";
import type { Services } from "../services.ts";
import { changeRow } from "../writes/change-row.ts";
import { endpointScopes } from "./orphans.ts";
import { findOwnedEndpoint, type OwnedEndpoint } from "./owned-endpoint.ts";
import { openTarget, providerOf, sealTarget, type Target } from "./target.ts";

interface EndpointChange {
  topic: EndpointTable["topic"];
  id: string;
  /** Its name in errors, such as `alert channel`. */
  name: string;
  missing: ErrorCode;
  /** The audit entry's action. */
  action: string;
  isPaused?: boolean | undefined;
  /** Other properties. */
  change?: (row: OwnedEndpoint) => Partial<Pick<EndpointTable, "name" | "settings" | "isOrdered">>;
  /** The new target, or `present` itself. Left out: it stays. */
  retarget?: ((row: OwnedEndpoint, present: Target, at: number) => Target) | undefined;
  /** Scopes that a key must have to change it, beside those of each endpoint. */
  scopesOf?: (row: OwnedEndpoint) => readonly Scope[];
  /** Its properties in the audit log. */
  shown: (row: EndpointTable) => object;
  /** Statements of the batch that resumes it. */
  onResume?: (row: OwnedEndpoint, at: number) => Queries;
}

/**
 * Changes an endpoint, pauses or resumes it. A resumed or redirected endpoint starts with no failures. A key can change only
 * an endpoint that may do no more than itself, and that does not outlive it.
 */
export function changeEndpoint(ctx: Context, request: EndpointChange): Promise<OwnedEndpoint> {
  const { services, actor } = ctx;
  const { topic, id, name, missing, action, shown, onResume } = request;
  return changeRow<OwnedEndpoint>(ctx, {
    table: "endpoint",
    name,
    find: (at) => findOwnedEndpoint(services.db, tenantOf(actor), { topic, id, at }),
    missing,
    columns: [
      "name",
      "settings",
      "target",
      "label",
      "isOrdered",
      "failuresInRow",
      "failingSince",
      "pausedAt",
      "pausedBecause",
      "createdBy",
    ],
    async decide(before, at) {
      requirePowers(actor, before, request.scopesOf?.(before) ?? []);
      const changed = { ...before, ...request.change?.(before) };
      const next = pausedOrResumed(changed, { actor, isPaused: request.isPaused, at });
      return request.retarget ? retargeted(services, next, { retarget: request.retarget, at }) : next;
    },
    also: (before, after, at) =>
      before.pausedAt !== null && after.pausedAt === null ? (onResume?.(after, at) ?? []) : [],
    action,
    detail: (before, after) => ({
      ...difference(audit(before, shown), audit(after, shown)),
      ...(after.target === before.target ? {} : { secrets: "replaced" }),
    }),
  });
}

const audit = (row: OwnedEndpoint, shown: EndpointChange["shown"]): object => ({
  ...shown(row),
  target: row.label,
  isPaused: row.pausedAt !== null,
  createdBy: row.createdBy,
});

function requirePowers(actor: Actor, row: OwnedEndpoint, more: readonly Scope[]): void {
  const { environment, ipAllowList } = actor;
  const hasEnded = row.endedBecause !== null;
  const scopes = [...endpointScopes, ...(hasEnded ? [] : more)];
  const expiresAt = hasEnded ? actor.expiresAt : row.ownerExpiresAt;
  requirePowersWithin(actor, { environment, scopes, ipAllowList, expiresAt });
}

/** A key that resumes an endpoint whose own key has ended becomes the endpoint's key. */
function pausedOrResumed(
  row: OwnedEndpoint,
  { actor, isPaused, at }: { actor: Actor; isPaused: boolean | undefined; at: number },
): OwnedEndpoint {
  if (isPaused === undefined || isPaused === (row.pausedAt !== null)) return row;
  if (isPaused) return { ...row, pausedAt: at, pausedBecause: "requested" };
  const createdBy = row.endedBecause === null ? row.createdBy : actor.by.id;
  return { ...row, createdBy, pausedAt: null, pausedBecause: null, failuresInRow: 0, failingSince: null };
}

interface Retargeting {
  retarget: NonNullable<EndpointChange["retarget"]>;
  at: number;
}

async function retargeted(
  services: Services,
  row: OwnedEndpoint,
  { retarget, at }: Retargeting,
): Promise<OwnedEndpoint> {
  const present = await openTarget(services, row, row.target);
  const target = retarget(row, present, at);
  if (JSON.stringify(target) === JSON.stringify(present)) return row;
  return {
    ...row,
    target: await sealTarget(services, row, target),
    label: providerOf(target).labelOf(target),
    failuresInRow: 0,
    failingSince: null,
  };
}
