import { AppError, ClaimRequest, claimPath, EventBatch, eventsPath } from "@sandi/contracts";
import { Hono } from "hono";
import type { z } from "zod";
import type { AppEnv } from "../http/app-env.ts";
import { jsonBody } from "../http/body.ts";
import { fieldErrors } from "../http/validation.ts";
import { applyEvents } from "./apply-events.ts";
import { claimMessages } from "./claim-messages.ts";
import { connectorOnly } from "./service-auth.ts";

const bodyLimit = 1024 * 1024;

/** What connectors call; not part of the public API and its description. */
export const events = new Hono<AppEnv>()
  .post(claimPath, jsonBody(bodyLimit), connectorOnly, async (c) =>
    c.json(await claimMessages(c.env.services, parse(ClaimRequest, await c.req.json<unknown>()))),
  )
  .post(eventsPath, jsonBody(bodyLimit), connectorOnly, async (c) => {
    const batch = parse(EventBatch, await c.req.json<unknown>());
    await applyEvents(c.env.services, batch.events);
    return c.json({ applied: batch.events.length });
  });

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) throw new AppError("invalid-request", { errors: fieldErrors(result.error.issues, "") });
  return result.data;
}
