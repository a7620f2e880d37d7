import { z } from "zod";
import {
  Destination,
  DestinationRequest,
  GuardedPrefixList,
  GuardedPrefixParam,
  ListGuardedPrefixes,
} from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import type { Feature } from "../feature.ts";
import { noContent, ok, page } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import type { Context } from "../context.ts";
import { hashScope, tenantOf } from "../auth/tenant.ts";
import { readPhone } from "../phone.ts";
import { liftBlock } from "./lift-block.ts";
import { findDestination, findGuardedPrefixes, toGuardedPrefix } from "./repository.ts";
import { unlockDestination } from "./unlock-destination.ts";
import { sweepDestinations } from "./sweeps.ts";

const example = { to: "+6281234567890" };

export const destinations: Feature = {
  tag: { name: "Destinations", description: "Limits and blocks of a number or a prefix." },
  operations: [
    operation({
      id: "getDestinationStatus",
      method: "post",
      path: "/v1/destinations/status",
      scope: "key:manage",
      idempotent: "none",
      summary: "Get a number's limits",
      description: "Wrong codes, lock and sends. The number is in the body, because URLs are logged.",
      body: { schema: DestinationRequest, example },
      answers: ok(Destination, "The current limits."),
      handle: async (ctx, { body }) => {
        const { services, actor } = ctx;
        const which = await destinationOf(ctx, body.to);
        return findDestination(services.db, actor.workspaceId, { ...which, at: services.now().getTime() });
      },
    }),
    operation({
      id: "unlockDestination",
      method: "post",
      path: "/v1/destinations/unlock",
      scope: "key:manage",
      idempotent: "change",
      summary: "Unlock a number",
      description: "Resets its wrong codes and its lock. The counts of sends do not change.",
      body: { schema: DestinationRequest, example },
      answers: ok(Destination, "The current limits."),
      handle: async (ctx, { body }) => unlockDestination(ctx, await destinationOf(ctx, body.to)),
    }),
    operation({
      id: "listGuardedPrefixes",
      method: "get",
      path: "/v1/prefix-guard",
      scope: "key:manage",
      live: true,
      summary: "List guarded prefixes",
      description: "Prefixes that were blocked because users typed in too few of their codes. Sorted by digits.",
      query: ListGuardedPrefixes,
      answers: page(GuardedPrefixList, "prefixes", ({ prefix }) => prefix),
      handle: async ({ services: { db, now }, actor }, { query }) => {
        const rows = await findGuardedPrefixes(db, actor.workspaceId, query);
        return rows.map((row) => toGuardedPrefix(row, now().getTime()));
      },
    }),
    operation({
      id: "liftPrefixBlock",
      method: "delete",
      path: "/v1/prefix-guard/{prefix}",
      scope: "key:manage",
      live: true,
      idempotent: "change",
      summary: "Lift the block of a prefix",
      description: "The guard then counts only codes that are sent from the next hour on.",
      params: z.object({ prefix: GuardedPrefixParam }),
      answers: noContent("Lifted."),
      handle: (ctx, { params }) => liftBlock(ctx, params.prefix),
    }),
  ],
  sweeps: sweepDestinations,
};

/** The number's hash for this key's limits: the sandbox has its own limits. */
async function destinationOf({ services: { phoneKey }, actor }: Context, to: string) {
  const tenant = tenantOf(actor);
  const phone = readPhone(actor, to, "/to");
  return { phone, toHash: await phoneHash(phoneKey, hashScope(tenant), phone.e164) };
}
