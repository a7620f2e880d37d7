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
  tag: { name: "Destinations", description: "What limits see of a number or a prefix." },
  operations: [
    operation({
      id: "getDestinationStatus",
      method: "post",
      path: "/v1/destinations/status",
      scope: "key:manage",
      idempotent: "none",
      summary: "Look at a number's limits",
      description: "Wrong codes, lock and sends. Asked for with a body, so that the number is in no address.",
      body: { schema: DestinationRequest, example },
      answers: ok(Destination, "As it is now."),
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
      description: "Forgets its wrong codes and its lock. How often it was sent to stays as it is.",
      body: { schema: DestinationRequest, example },
      answers: ok(Destination, "As it is now."),
      handle: async (ctx, { body }) => unlockDestination(ctx, await destinationOf(ctx, body.to)),
    }),
    operation({
      id: "listGuardedPrefixes",
      method: "get",
      path: "/v1/prefix-guard",
      scope: "key:manage",
      live: true,
      summary: "List guarded prefixes",
      description: "Prefixes that were blocked because their codes were hardly ever typed in, by their digits.",
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
      description: "The guard begins anew with what is sent from the next hour on.",
      params: z.object({ prefix: GuardedPrefixParam }),
      answers: noContent("Lifted."),
      handle: (ctx, { params }) => liftBlock(ctx, params.prefix),
    }),
  ],
  sweeps: sweepDestinations,
};

/** A number as this key's limits know it: the sandbox has limits of its own. */
async function destinationOf({ services: { phoneKey }, actor }: Context, to: string) {
  const tenant = tenantOf(actor);
  const phone = readPhone(actor, to, "/to");
  return { phone, toHash: await phoneHash(phoneKey, hashScope(tenant), phone.e164) };
}
