import type { CreatedApiKey, Scope } from "@sandi/contracts";
import { hashApiKey } from "@sandi/crypto";
import type { Edge } from "./harness.ts";

export const day = 86_400_000;
/** A list of addresses, and a request from there. */
export const office = "203.0.113.0/24";
export const fromOffice = { "cf-connecting-ip": "203.0.113.7" };
/** What makes keys, hooks and codes. */
export const sends: Scope[] = ["otp:send", "otp:check", "otp:custom", "key:manage"];

export const as = ({ key }: { key: string }, headers = {}) => ({ key, headers });

/** Keys made over the API by the workspace's own, which may everything. */
export const keysOf = (edge: () => Edge) => ({
  addKey: async (more: Record<string, unknown> = {}) => {
    const { body } = await edge().api<CreatedApiKey>("POST /v1/keys", { name: "k", scopes: sends, ...more });
    return { id: body.id, key: body.key ?? "" };
  },
  revoke: (id: string, options = {}) => edge().api(`DELETE /v1/keys/${id}`, undefined, options),
  /** Asks for a key, which may be refused. */
  create: (more: Record<string, unknown> = {}, options = {}) =>
    edge().api<CreatedApiKey>(
      "POST /v1/keys",
      { name: "Checkout", scopes: ["otp:send", "otp:check"], ...more },
      options,
    ),
  rotate: (id: string, body: unknown = {}, options = {}) =>
    edge().api<CreatedApiKey>(`POST /v1/keys/${id}/rotate`, body, options),
  use: (key: string | null, headers = {}) => edge().api("GET /v1/sessions", undefined, { key, headers }),
  isoIn: (ms: number) => new Date(edge().services.now().getTime() + ms).toISOString(),
  idOf: async (key: string) =>
    String((await edge().rows("SELECT id FROM api_key WHERE hash = ?", await hashApiKey(key)))[0]?.["id"]),
});
