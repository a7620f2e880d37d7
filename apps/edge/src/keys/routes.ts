import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import {
  ApiKey,
  ApiKeyList,
  AppError,
  ChangeApiKey,
  CreateApiKey,
  CreatedApiKey,
  KeyId,
  ListApiKeys,
  RotateApiKey,
} from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, authenticateWithin } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { repetitionOf } from "../http/idempotency.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { newKeyLimit } from "../limits/named.ts";
import { changeKey } from "./change-key.ts";
import { createKey } from "./create-key.ts";
import { selectKeysFor, toApiKey } from "./repository.ts";
import { revokeKey } from "./revoke-key.ts";
import { rotateKey } from "./rotate-key.ts";

const params = z.object({ id: KeyId });
const manage = authenticate("key:manage");
const make = authenticateWithin(newKeyLimit, "key:manage");
const shared = { tags: ["API keys"], security };

export const keys = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/keys",
      operationId: "createApiKey",
      summary: "Create an API key",
      description:
        "A key cannot make one that may do more than itself: scopes, addresses and expiry count. A test key makes test keys only. At most 100 keys that work, and 20 made or rotated in an hour (the quota's `keysPerHour`). The new key is in this answer and never again: a replay has `key: null`. Scope: `key:manage`, as for all of these.",
      middleware: [make, jsonBody()] as const,
      request: {
        headers: idempotencyHeader,
        body: body(CreateApiKey, { name: "Checkout service", scopes: ["otp:send", "otp:check"] }),
      },
      responses: {
        201: json(CreatedApiKey, "Created."),
        ...problems(...ofBodies, "key-limit-reached", "idempotency-key-reused"),
      },
    }),
    async (c) => {
      const input = { input: c.req.valid("json"), repetition: await repetitionOf(c) };
      const { resource, replayed } = await createKey(c.var.ctx, input);
      if (replayed) c.header("Idempotent-Replayed", "true");
      c.header("Location", `/v1/keys/${resource.id}`);
      return c.json(resource, 201);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/keys",
      operationId: "listApiKeys",
      summary: "List API keys",
      description: "Newest first; those that were revoked or have expired as well. A test key sees test keys only.",
      middleware: [manage] as const,
      request: { query: ListApiKeys },
      responses: { 200: json(ApiKeyList, "A page of them."), ...problems("invalid-request") },
    }),
    async (c) => {
      const { limit, cursor } = c.req.valid("query");
      let query = selectKeysFor(c.env.services.db, c.var.ctx.actor);
      if (cursor !== undefined) query = query.where("id", "<", cursor);
      const rows = await query
        .orderBy("id", "desc")
        .limit(limit + 1)
        .execute();
      const page = rows.slice(0, limit);
      const nextCursor = rows.length > limit ? (page.at(-1)?.id ?? null) : null;
      return c.json({ keys: page.map(toApiKey), nextCursor }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/keys/{id}",
      operationId: "getApiKey",
      summary: "Look at an API key",
      description: "Everything but the key itself.",
      middleware: [manage] as const,
      request: { params },
      responses: { 200: json(ApiKey, "As it is now."), ...problems("key-not-found") },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const row = await selectKeysFor(c.env.services.db, c.var.ctx.actor).where("id", "=", id).executeTakeFirst();
      if (!row) throw new AppError("key-not-found");
      return c.json(toApiKey(row), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "patch",
      path: "/v1/keys/{id}",
      operationId: "changeApiKey",
      summary: "Change an API key",
      description:
        "What is left out stays. Neither before nor after the change may the key do more than the calling one: scopes, addresses and expiry count. The last live key with `key:manage` keeps it. Acts within a minute everywhere. What belongs to the key ends when the key could no longer make it: its Supabase hooks end without `otp:send`, without `otp:custom`, or with a list of addresses; its alert channels pause without `webhook:manage`.",
      middleware: [manage, jsonBody(), idempotent] as const,
      request: { params, headers: idempotencyHeader, body: body(ChangeApiKey, { name: "Checkout service" }) },
      responses: {
        200: json(ApiKey, "Changed."),
        ...problems(...ofBodies, ...ofRepeats, "key-not-found", "key-ended", "last-manager-key"),
      },
    }),
    async (c) => {
      const address = c.req.header("cf-connecting-ip") ?? "";
      const input = { id: c.req.valid("param").id, change: c.req.valid("json"), address };
      return c.json(await changeKey(c.var.ctx, input), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "delete",
      path: "/v1/keys/{id}",
      operationId: "revokeApiKey",
      summary: "Revoke an API key",
      description:
        "For good: its changes are refused at once, its sends, checks and reads within a minute everywhere. A key cannot revoke one that may do more than itself, and the last live key with `key:manage` cannot be revoked. The key's Supabase hooks and QR links end, and its alert channels pause (`createdBy` names the key). To keep them, rotate the key instead, or let another key `adopt` the hooks first.",
      middleware: [manage, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: {
        204: { description: "Revoked." },
        ...problems(...ofBodies, ...ofRepeats, "key-not-found", "last-manager-key"),
      },
    }),
    async (c) => {
      await revokeKey(c.var.ctx, c.req.valid("param").id);
      return c.body(null, 204);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/keys/{id}/rotate",
      operationId: "rotateApiKey",
      summary: "Rotate an API key",
      description:
        "Makes a key with the same properties; the old one works until its grace ends, a day if you do not say. Hooks and alert channels of the old key belong to the new one at once. Refused if the old key may do more than the calling one. The new key is in this answer and never again: a replay has `key: null`.",
      middleware: [make, jsonBody()] as const,
      request: { params, headers: idempotencyHeader, body: body(RotateApiKey, { graceSeconds: 86_400 }) },
      responses: {
        201: json(CreatedApiKey, "The new key."),
        ...problems(...ofBodies, "key-not-found", "key-ended", "key-limit-reached", "idempotency-key-reused"),
      },
    }),
    async (c) => {
      const { graceSeconds } = c.req.valid("json");
      const input = { id: c.req.valid("param").id, graceSeconds, repetition: await repetitionOf(c) };
      const { resource, replayed } = await rotateKey(c.var.ctx, input);
      if (replayed) c.header("Idempotent-Replayed", "true");
      c.header("Location", `/v1/keys/${resource.id}`);
      return c.json(resource, 201);
    },
  );
