import { z } from "zod";
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
import type { Feature } from "../feature.ts";
import { created, noContent, ok, page } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { newKeyLimit } from "../rate-limits/named.ts";
import { changeKey } from "./change-key.ts";
import { createKey } from "./create-key.ts";
import { selectKeysFor, toApiKey } from "./repository.ts";
import { revokeKey } from "./revoke-key.ts";
import { rotateKey } from "./rotate-key.ts";
import { sweepKeys } from "./sweeps.ts";

const byId = z.object({ id: KeyId });

export const keys: Feature = {
  tag: { name: "API keys", description: "Keys that may call this API, and what each may do." },
  notFound: "key-not-found",
  operations: [
    operation({
      id: "createApiKey",
      method: "post",
      path: "/v1/keys",
      scope: "key:manage",
      idempotent: "create",
      summary: "Create an API key",
      description:
        "The new key may do no more than the calling key: in scopes, addresses and expiry. A test key creates test keys only. At most 100 working keys, and 20 created or rotated in an hour (the quota's `keysPerHour`). Only this answer has the key: a replay has `key: null`.",
      limits: newKeyLimit,
      body: { schema: CreateApiKey, example: { name: "Checkout service", scopes: ["otp:send", "otp:check"] } },
      answers: created(CreatedApiKey, "Created."),
      throws: ["key-limit-reached"],
      handle: (ctx, { body, idempotencyKey }) => createKey(ctx, { input: body, idempotencyKey }),
    }),
    operation({
      id: "listApiKeys",
      method: "get",
      path: "/v1/keys",
      scope: "key:manage",
      summary: "List API keys",
      description: "Newest first, with revoked and expired keys. A test key sees test keys only.",
      query: ListApiKeys,
      answers: page(ApiKeyList, "keys"),
      handle: async ({ services, actor }, { query: { limit, cursor } }) => {
        let query = selectKeysFor(services.db, actor);
        if (cursor !== undefined) query = query.where("id", "<", cursor);
        return (await query.orderBy("id", "desc").limit(limit).execute()).map(toApiKey);
      },
    }),
    operation({
      id: "getApiKey",
      method: "get",
      path: "/v1/keys/{id}",
      scope: "key:manage",
      summary: "Get an API key",
      description: "Everything but the key itself.",
      params: byId,
      answers: ok(ApiKey, "The key."),
      handle: async ({ services, actor }, { params }) => {
        const row = await selectKeysFor(services.db, actor).where("id", "=", params.id).executeTakeFirst();
        if (!row) throw new AppError("key-not-found");
        return toApiKey(row);
      },
    }),
    operation({
      id: "changeApiKey",
      method: "patch",
      path: "/v1/keys/{id}",
      scope: "key:manage",
      idempotent: "change",
      summary: "Change an API key",
      description:
        "Fields that are left out do not change. The key may do no more than the calling key, before and after the change: in scopes, addresses and expiry. The last live key with `key:manage` keeps it. The change is effective everywhere within a minute. Supabase hooks of the key stop without `otp:send`, without `otp:custom`, or with a list of addresses. Alert channels of the key pause without `webhook:manage`.",
      params: byId,
      body: { schema: ChangeApiKey, example: { name: "Checkout service" } },
      answers: ok(ApiKey, "Changed."),
      throws: ["key-ended", "last-manager-key"],
      handle: (ctx, { params, body }, c) =>
        changeKey(ctx, { id: params.id, change: body, address: c.req.header("cf-connecting-ip") ?? "" }),
    }),
    operation({
      id: "revokeApiKey",
      method: "delete",
      path: "/v1/keys/{id}",
      scope: "key:manage",
      idempotent: "change",
      summary: "Revoke an API key",
      description:
        "This cannot be undone. Changes with the key are refused at once; sends, checks and reads within a minute everywhere. A key cannot revoke a key that may do more, and the last live key with `key:manage` cannot be revoked. The key's Supabase hooks and QR links stop, and its alert channels pause (`createdBy` names the key). To keep them, rotate the key instead, or `adopt` the hooks with another key first.",
      params: byId,
      answers: noContent("Revoked."),
      throws: ["last-manager-key"],
      handle: (ctx, { params }) => revokeKey(ctx, params.id),
    }),
    operation({
      id: "rotateApiKey",
      method: "post",
      path: "/v1/keys/{id}/rotate",
      scope: "key:manage",
      idempotent: "create",
      summary: "Rotate an API key",
      description:
        "Creates a key with the same properties. The old key works until its grace period ends, a day by default. Hooks and alert channels of the old key belong to the new key at once. The request is refused if the old key may do more than the calling key. Only this answer has the new key: a replay has `key: null`.",
      limits: newKeyLimit,
      params: byId,
      body: { schema: RotateApiKey, example: { graceSeconds: 86_400 } },
      answers: created(CreatedApiKey, "The new key."),
      throws: ["key-ended", "key-limit-reached"],
      handle: (ctx, { params, body, idempotencyKey }) =>
        rotateKey(ctx, { id: params.id, graceSeconds: body.graceSeconds, idempotencyKey }),
    }),
  ],
  sweeps: sweepKeys,
};
