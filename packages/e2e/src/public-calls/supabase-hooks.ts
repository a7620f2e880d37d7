import type { CreatedSupabaseHook } from "@sandi/contracts";
import { signWebhook } from "@sandi/crypto";
import type { Call } from "./call.ts";

const supabasePost = {
  user: { id: "6481a5c1-3d37-4a56-9f6a-bee08c554965", phone: "" },
  sms: { otp: "480213", sms_type: "mfa", phone: "6281355500006" },
  metadata: { ip_address: "203.0.113.7" },
};

async function signed(secret: string, body: string): Promise<Record<string, string>> {
  const [id, timestamp] = ["msg_1", Math.floor(Date.now() / 1000)];
  const signature = await signWebhook({ secrets: [secret], id, timestamp, body });
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
}

export function supabaseHookCalls(): Call[] {
  let hook = { id: "", path: "", secret: "" };

  return [
    {
      route: "POST /v1/hooks/supabase",
      body: { name: "Ours" },
      asks: "redis libsql",
      budget: [9, 2200, 62, 12],
      keep: ({ id, url, secret }: CreatedSupabaseHook) => {
        hook = { id, path: new URL(url).pathname, secret: secret ?? "" };
      },
    },
    { route: "GET /v1/hooks/supabase", asks: "redis libsql", budget: [1, 900, 52, 0] },
    {
      route: "GET /v1/hooks/supabase/{id}",
      path: () => `/v1/hooks/supabase/${hook.id}`,
      asks: "redis libsql",
      budget: [1, 900, 52, 0],
    },
    {
      route: "PATCH /v1/hooks/supabase/{id}",
      path: () => `/v1/hooks/supabase/${hook.id}`,
      body: { name: "Theirs" },
      asks: "redis libsql libsql",
      budget: [9, 2100, 62, 8],
    },
    {
      route: "POST (what Supabase posts to a hook)",
      path: () => hook.path,
      body: supabasePost,
      headers: () => signed(hook.secret, JSON.stringify(supabasePost)),
      asks: "libsql redis libsql | libsql qstash",
      budget: [18, 14_000, 142, 43],
    },
    {
      route: "DELETE /v1/hooks/supabase/{id}",
      path: () => `/v1/hooks/supabase/${hook.id}`,
      asks: "redis libsql",
      budget: [8, 1100, 16, 8],
    },
  ];
}
