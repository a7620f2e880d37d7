import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import {
  Destination,
  DestinationRequest,
  GuardedPrefixList,
  GuardedPrefixParam,
  ListGuardedPrefixes,
} from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import type { Context } from "../context.ts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, authenticateToRead, liveOnly } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { hashScope, tenantOf } from "../keys/tenant.ts";
import { parsePhone } from "../phone.ts";
import { liftBlock } from "./lift-block.ts";
import { findDestination, findGuardedPrefixes, toGuardedPrefix } from "./repository.ts";
import { unlockDestination } from "./unlock-destination.ts";

const manage = authenticate("key:manage");
const shared = { tags: ["Destinations"], security };
const example = { to: "+6281234567890" };

export const destinations = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/destinations/status",
      operationId: "getDestinationStatus",
      summary: "Look at a number's limits",
      description:
        "Wrong codes, lock and sends. Asked for with a body, so that the number is in no address. Scope: `key:manage`, as for all of these.",
      middleware: [authenticateToRead(() => [], "key:manage"), jsonBody()] as const,
      request: { body: body(DestinationRequest, example) },
      responses: { 200: json(Destination, "As it is now."), ...problems(...ofBodies) },
    }),
    async (c) => {
      const { services, actor } = c.var.ctx;
      const which = await destinationOf(c.var.ctx, c.req.valid("json").to);
      const at = services.now().getTime();
      return c.json(await findDestination(services.db, actor.workspaceId, { ...which, at }), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/destinations/unlock",
      operationId: "unlockDestination",
      summary: "Unlock a number",
      description: "Forgets its wrong codes and its lock. How often it was sent to stays as it is.",
      middleware: [manage, jsonBody(), idempotent] as const,
      request: { headers: idempotencyHeader, body: body(DestinationRequest, example) },
      responses: {
        200: json(Destination, "As it is now."),
        ...problems(...ofBodies, "idempotency-in-progress", "idempotency-key-reused"),
      },
    }),
    async (c) => {
      const which = await destinationOf(c.var.ctx, c.req.valid("json").to);
      return c.json(await unlockDestination(c.var.ctx, which), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/prefix-guard",
      operationId: "listGuardedPrefixes",
      summary: "List guarded prefixes",
      description: "Prefixes that were blocked because their codes were hardly ever typed in, by their digits.",
      middleware: [manage, liveOnly] as const,
      request: { query: ListGuardedPrefixes },
      responses: { 200: json(GuardedPrefixList, "A page of them."), ...problems("invalid-request") },
    }),
    async (c) => {
      const { db, now } = c.env.services;
      const query = c.req.valid("query");
      const at = now().getTime();
      const rows = await findGuardedPrefixes(db, c.var.ctx.actor.workspaceId, query);
      const page = rows.slice(0, query.limit);
      const nextCursor = rows.length > query.limit ? (page.at(-1)?.prefix ?? null) : null;
      return c.json({ prefixes: page.map((row) => toGuardedPrefix(row, at)), nextCursor }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "delete",
      path: "/v1/prefix-guard/{prefix}",
      operationId: "liftPrefixBlock",
      summary: "Lift the block of a prefix",
      description: "The guard begins anew with what is sent from the next hour on.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params: z.object({ prefix: GuardedPrefixParam }), headers: idempotencyHeader },
      responses: { 204: { description: "Lifted." }, ...problems(...ofBodies, ...ofRepeats, "not-found") },
    }),
    async (c) => {
      await liftBlock(c.var.ctx, c.req.valid("param").prefix);
      return c.body(null, 204);
    },
  );

/** A number as this key's limits know it: the sandbox has limits of its own. */
async function destinationOf({ services: { phoneKey }, actor }: Context, to: string) {
  const tenant = tenantOf(actor);
  const { defaultCountry } = actor.policy;
  const phone = parsePhone(to, { pointer: "/to", defaultCountry, isTest: tenant.test === 1 });
  return { phone, toHash: await phoneHash(phoneKey, hashScope(tenant), phone.e164) };
}
