import { ClaimRequest, claimPath, EventBatch, eventsPath } from "@sandi/contracts";
import { Hono } from "hono";
import type { Feature } from "../feature.ts";
import type { AppEnv } from "../http/app-env.ts";
import { parseBody } from "../http/validation.ts";
import { applyEvents } from "./apply-events.ts";
import { claimMessages } from "../messages/claim-messages.ts";
import { connectorOnly } from "../http/service-auth.ts";
import { sweepEventContents, sweepEvents } from "./sweeps.ts";

const bodyLimit = 1024 * 1024;

const routes = new Hono<AppEnv>()
  .post(claimPath, connectorOnly(bodyLimit), async (c) =>
    c.json(await claimMessages(c.env.services, parseBody(ClaimRequest, await c.req.json<unknown>()))),
  )
  .post(eventsPath, connectorOnly(bodyLimit), async (c) => {
    const batch = parseBody(EventBatch, await c.req.json<unknown>());
    return c.json(await applyEvents(c.env.services, batch.events));
  });

/** The routes for connectors. They are not part of the public API. */
export const events: Feature = {
  routes,
  sweeps: (services) => [...sweepEvents(services), ...sweepEventContents(services)],
};
