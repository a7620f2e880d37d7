import { AppError, type ErrorCode } from "@sandi/contracts";
import { sql } from "kysely";
import type { Queries } from "@sandi/libsql";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { EndpointTable } from "../db/tables/deliveries.ts";
import type { Accepted, IdempotencyKey } from "../http/idempotency/create.ts";
import { targetFault } from "../http/targets.ts";
import { newId, type Services } from "../services.ts";
import { createAudited } from "../writes/create-audited.ts";
import { selectEndpoints } from "./owned-endpoint.ts";
import { providerOf, sealTarget, type Target } from "./target.ts";

interface NewEndpoint<Resource> extends Pick<EndpointTable, "topic" | "settings"> {
  prefix: "alc" | "whe";
  /** Its name in the audit log, such as `alert_channel`. */
  audited: string;
  /** The audit entry's detail, beside the target. */
  detail: Record<string, unknown>;
  /** Left out: the masked target. */
  name?: string;
  target: Target;
  isOrdered?: boolean;
  isPaused?: boolean;
  idempotencyKey: IdempotencyKey | undefined;
  limit: number;
  refuse: () => AppError;
  /** Other statements of the batch, which run before the endpoint is stored. */
  also?: Queries;
  present: (row: EndpointTable) => Resource | Promise<Resource>;
  /** The answer to a repetition: without secrets. */
  presentAgain: (row: EndpointTable) => Resource | Promise<Resource>;
  gone: ErrorCode;
}

/** Creates an endpoint of the calling key. It gets what happens from now on. */
export async function createEndpoint<Resource>(
  ctx: Context,
  endpoint: NewEndpoint<Resource>,
): Promise<Accepted<Resource>> {
  const { services, actor } = ctx;
  const { workspaceId, test } = tenantOf(actor);
  const { topic, prefix, target, settings, isPaused = false, isOrdered = false, also = [] } = endpoint;
  if (target.kind !== "telegram") refuseAddress(services, target.url);
  const at = services.now().getTime();
  const id = newId(services, prefix);
  const sealed = await sealTarget(services, { workspaceId, id }, target);
  const label = providerOf(target).labelOf(target);
  const { detail, idempotencyKey, limit, refuse, present, presentAgain, gone, name = label } = endpoint;
  const isOwn = sql`workspace_id = ${workspaceId} AND topic = ${topic} AND test = ${test}`;
  return createAudited(ctx, {
    kind: endpoint.audited,
    detail: { ...detail, target: label },
    limit,
    count: sql<number>`(SELECT count(*) FROM endpoint WHERE ${isOwn})`,
    table: "endpoint",
    id,
    at,
    idempotencyKey,
    find: (made) => selectEndpoints(services.db, { workspaceId, test }, topic).where("endpoint.id", "=", made),
    writes: (mayInsert) => ({
      also,
      endpoint: sql`INSERT INTO endpoint (id, workspace_id, topic, kind, name, target, label, settings, paused_at, paused_because,
          created_by, created_at, updated_at, test, is_ordered, from_seq)
        SELECT ${id}, ${workspaceId}, ${topic}, ${target.kind}, ${name}, ${sealed}, ${label}, ${settings},
          ${isPaused ? at : null}, ${isPaused ? "requested" : null}, ${actor.by.id}, ${at}, ${at}, ${test},
          ${Number(isOrdered)}, coalesce((SELECT max(seq) FROM event), 0)
        WHERE ${mayInsert}`,
    }),
    refuse,
    present,
    presentAgain,
    gone,
  });
}

/** Throws `invalid-request` if an address may not be called. */
export function refuseAddress({ allowLocalTargets }: Services, url: string): void {
  const fault = targetFault(url, { allowLocal: allowLocalTargets });
  if (fault) throw new AppError("invalid-request", { errors: [{ pointer: "/url", message: fault }] });
}
