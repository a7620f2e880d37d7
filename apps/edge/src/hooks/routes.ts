import { z } from "zod";
import {
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
import { findHooks, toHook } from "./repository.ts";
import { supabase } from "./supabase.ts";

const byId = z.object({ id: HookId });

export const hooks: Feature = {
  tag: { name: "Hooks", description: "Codes of other services, for Sandi to deliver." },
  notFound: "hook-not-found",
  operations: [
    operation({
      id: "createSupabaseHook",
      method: "post",
      path: "/v1/hooks/supabase",
      scope: "key:manage",
      live: true,
      idempotent: "create",
      summary: "Deliver the codes of Supabase Auth",
      description:
        'Makes an address for Supabase\'s Send SMS hook: put `url` and the secret into its settings. Supabase makes and checks the codes; Sandi sends them, as verifications of the purpose `supabase` (`supabase.mfa` for a second factor, `supabase.phone_change` for a new number). They go to `sms.phone`; the limits and address rules of `endUserIp` hold for `metadata.ip_address`, so a proxy before Supabase must pass on `X-Forwarded-For`. What Supabase posts to `url` needs no API key: it is signed with the secret (Standard Webhooks), and repeated requests send once. The answer is `200` with `{}`, or with `{ "error": { "http_code", "message" } }`, which Supabase hands to your app; `401` without a good signature; `503` with `Retry-After` when nothing was accepted. The hook acts for the key that makes it. It ends when that key is revoked, expires, or loses `otp:send` or `otp:custom`; after a rotation it belongs to the new key. It can be called from any address, so a key with a list of addresses cannot make one. The key also needs `otp:send` and `otp:custom`.',
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
      id: "changeSupabaseHook",
      method: "patch",
      path: "/v1/hooks/supabase/{id}",
      scope: "key:manage",
      live: true,
      idempotent: "change",
      summary: "Change a Supabase hook",
      description:
        "Its name, texts or secret; after a change of the secret the former one works for 24 hours. With `adopt` the hook belongs to the calling key, and works again if it had ended. Its secret stays: change it too if the former key may be in wrong hands. A key cannot change a hook that outlives it. The key also needs `otp:send` and `otp:custom`.",
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
      description: "Its codes are refused from then on.",
      params: byId,
      answers: noContent("Deleted."),
      handle: (ctx, { params }) => deleteHook(ctx, params.id),
    }),
  ],
  routes: supabase,
};
