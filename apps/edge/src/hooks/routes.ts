import { z } from "zod";
import {
  AppError,
  ChangeSupabaseHook,
  CreatedSupabaseHook,
  CreateSupabaseHook,
  HookId,
  SupabaseHook,
  SupabaseHookList,
} from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { created, noContent, ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { changeHook } from "./change-hook.ts";
import { createHook } from "./create-hook.ts";
import { deleteHook } from "./delete-hook.ts";
import { findHook, findHooks, toHook } from "./repository.ts";
import { supabase } from "./supabase.ts";

const byId = z.object({ id: HookId });

export const hooks: Feature = {
  tag: { name: "Hooks", description: "Sandi delivers the codes of other services." },
  notFound: "hook-not-found",
  operations: [
    operation({
      id: "createSupabaseHook",
      method: "post",
      path: "/v1/hooks/supabase",
      scope: "key:manage",
      live: true,
      idempotent: "create",
      summary: "Create a Supabase hook",
      description:
        'Creates an address for Supabase\'s Send SMS hook: put `url` and the secret into its settings. Supabase makes and checks the codes. Sandi sends them, as verifications with the purpose `supabase` (`supabase.mfa` for a second factor, `supabase.phone_change` for a new number). They go to `sms.phone`. The limits and rules of `endUserIp` apply to `metadata.ip_address`, so a proxy before Supabase must forward `X-Forwarded-For`. Supabase\'s requests to `url` need no API key: they are signed with the secret (Standard Webhooks), and a repeated request sends only once. The answer is `200` with `{}`, or with `{ "error": { "http_code", "message" } }`, which Supabase passes to your app. Without a valid signature it is `401`. If nothing was accepted it is `503` with `Retry-After`. The hook belongs to the key that creates it. It stops when that key is revoked, expires, or loses `otp:send` or `otp:custom`. After a rotation it belongs to the new key. It can be called from any address, so a key with a list of addresses cannot create one. The key also needs `otp:send` and `otp:custom`.',
      body: { schema: CreateSupabaseHook, example: { name: "Production" } },
      answers: created(CreatedSupabaseHook, "Stored."),
      throws: ["template-not-found", "hook-limit-reached"],
      handle: (ctx, { body, idempotencyKey }) => createHook(ctx, { input: body, idempotencyKey }),
    }),
    operation({
      id: "listSupabaseHooks",
      method: "get",
      path: "/v1/hooks/supabase",
      scope: "key:manage",
      live: true,
      summary: "List Supabase hooks",
      description: "Without their secrets.",
      answers: ok(SupabaseHookList, "All hooks, oldest first."),
      handle: async ({ services, actor }) => {
        const rows = await findHooks(services.db, actor.workspaceId, services.now().getTime());
        return { hooks: rows.map((row) => toHook(services, row)) };
      },
    }),
    operation({
      id: "getSupabaseHook",
      method: "get",
      path: "/v1/hooks/supabase/{id}",
      scope: "key:manage",
      live: true,
      summary: "Get a Supabase hook",
      description: "Without its secret.",
      params: byId,
      answers: ok(SupabaseHook, "The hook."),
      handle: async ({ services, actor }, { params: { id } }) => {
        const row = await findHook(services.db, actor.workspaceId, { id, at: services.now().getTime() });
        if (!row) throw new AppError("hook-not-found");
        return toHook(services, row);
      },
    }),
    operation({
      id: "changeSupabaseHook",
      method: "patch",
      path: "/v1/hooks/supabase/{id}",
      scope: "key:manage",
      live: true,
      idempotent: "change",
      summary: "Change a Supabase hook",
      description:
        "Changes its name, texts or secret. After a change of the secret the old one works for 24 hours. With `adopt` the hook belongs to the calling key, and a stopped hook works again. Its secret stays the same: change it too if the former key may be compromised. A key cannot change a hook that ends later than the key. The key also needs `otp:send` and `otp:custom`.",
      params: byId,
      body: { schema: ChangeSupabaseHook, example: { name: "Production", locale: "id" } },
      answers: ok(SupabaseHook, "Changed."),
      throws: ["template-not-found"],
      handle: (ctx, { params, body }) => changeHook(ctx, { id: params.id, change: body }),
    }),
    operation({
      id: "deleteSupabaseHook",
      method: "delete",
      path: "/v1/hooks/supabase/{id}",
      scope: "key:manage",
      live: true,
      idempotent: "change",
      summary: "Delete a Supabase hook",
      description: "Supabase's further requests to it are refused.",
      params: byId,
      answers: noContent("Deleted."),
      handle: (ctx, { params }) => deleteHook(ctx, params.id),
    }),
  ],
  routes: supabase,
};
