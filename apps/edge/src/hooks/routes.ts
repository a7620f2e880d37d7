import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import {
  ChangeSupabaseHook,
  CreatedSupabaseHook,
  CreateSupabaseHook,
  HookId,
  SupabaseHook,
  SupabaseHookList,
} from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, liveOnly } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { repetitionOf } from "../http/idempotency.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { changeHook } from "./change-hook.ts";
import { createHook } from "./create-hook.ts";
import { deleteHook } from "./delete-hook.ts";
import { findHooks, toHook } from "./repository.ts";
import { supabase } from "./supabase.ts";

const params = z.object({ id: HookId });
const manage = authenticate("key:manage");
const shared = { tags: ["Hooks"], security };

export const hooks = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/hooks/supabase",
      operationId: "createSupabaseHook",
      summary: "Deliver the codes of Supabase Auth",
      description:
        'Makes an address for Supabase\'s Send SMS hook: put `url` and the secret into its settings. Supabase makes and checks the codes; Sandi sends them, as verifications of the purpose `supabase` (`supabase.mfa` for a second factor, `supabase.phone_change` for a new number). They go to `sms.phone`; the limits and address rules of `endUserIp` hold for `metadata.ip_address`, so a proxy before Supabase must pass on `X-Forwarded-For`. What Supabase posts to `url` needs no API key: it is signed with the secret (Standard Webhooks), and repeated requests send once. The answer is `200` with `{}`, or with `{ "error": { "http_code", "message" } }`, which Supabase hands to your app; `401` without a good signature; `503` with `Retry-After` when nothing was accepted. The hook acts for the key that makes it. It ends when that key is revoked, expires, or loses `otp:send` or `otp:custom`; after a rotation it belongs to the new key. It can be called from any address, so a key with a list of addresses cannot make one. Scopes: `key:manage`, `otp:send` and `otp:custom`.',
      middleware: [manage, liveOnly, jsonBody()] as const,
      request: { headers: idempotencyHeader, body: body(CreateSupabaseHook, { name: "Production" }) },
      responses: {
        201: json(CreatedSupabaseHook, "Stored."),
        ...problems(...ofBodies, "template-not-found", "hook-limit-reached", "idempotency-key-reused"),
      },
    }),
    async (c) => {
      const repetition = await repetitionOf(c);
      const input = { input: c.req.valid("json"), repetition };
      const { resource, replayed } = await createHook(c.var.ctx, input);
      if (replayed) c.header("Idempotent-Replayed", "true");
      c.header("Location", `/v1/hooks/supabase/${resource.id}`);
      return c.json(resource, 201);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/hooks/supabase",
      operationId: "listSupabaseHooks",
      summary: "List Supabase hooks",
      description: "Without their secrets. Scope: `key:manage`.",
      middleware: [manage, liveOnly] as const,
      responses: { 200: json(SupabaseHookList, "All hooks, oldest first."), ...problems() },
    }),
    async (c) => {
      const found = await findHooks(c.env.services.db, c.var.ctx.actor.workspaceId, c.env.services.now().getTime());
      return c.json({ hooks: found.map((each) => toHook(c.env.services, each)) }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "patch",
      path: "/v1/hooks/supabase/{id}",
      operationId: "changeSupabaseHook",
      summary: "Change a Supabase hook",
      description:
        "Its name, texts or secret; after a change of the secret the former one works for 24 hours. With `adopt` the hook belongs to the calling key, and works again if it had ended. Its secret stays: change it too if the former key may be in wrong hands. A key cannot change a hook that outlives it. Scopes: `key:manage`, `otp:send` and `otp:custom`.",
      middleware: [manage, liveOnly, jsonBody(), idempotent] as const,
      request: {
        params,
        headers: idempotencyHeader,
        body: body(ChangeSupabaseHook, { name: "Production", locale: "id" }),
      },
      responses: {
        200: json(SupabaseHook, "Changed."),
        ...problems(...ofBodies, ...ofRepeats, "hook-not-found", "template-not-found"),
      },
    }),
    async (c) => {
      const input = { id: c.req.valid("param").id, change: c.req.valid("json") };
      return c.json(await changeHook(c.var.ctx, input), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "delete",
      path: "/v1/hooks/supabase/{id}",
      operationId: "deleteSupabaseHook",
      summary: "Delete a Supabase hook",
      description: "Its codes are refused from then on. Scope: `key:manage`.",
      middleware: [manage, liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: { 204: { description: "Deleted." }, ...problems(...ofBodies, ...ofRepeats, "hook-not-found") },
    }),
    async (c) => {
      await deleteHook(c.var.ctx, c.req.valid("param").id);
      return c.body(null, 204);
    },
  );

hooks.route("/", supabase);
