import type { Policy, Quota, Scope } from "@sandi/contracts";

/** Who acts in a workspace, and what the actor may do there. */
export interface Actor {
  by: ActingKey | ActingHook;
  workspaceId: string;
  workspaceName: string;
  /** Milliseconds. */
  workspaceCreatedAt: number;
  policy: Policy;
  quota: Quota;
  environment: "live" | "test";
  scopes: ReadonlySet<Scope>;
  /** Addresses and CIDR ranges that the actor may call from. An empty list allows every address. */
  ipAllowList: readonly string[];
  /** Milliseconds; null: never. */
  expiresAt: number | null;
  /** The workspace has webhooks. At most a minute old; absent where nobody asks. */
  hasWebhooks?: boolean;
}

/** An API key: a request with an `Authorization` header. */
export interface ActingKey {
  kind: "key";
  id: string;
}

/** A Supabase hook: a signed request that sends one code. */
export interface ActingHook {
  kind: "hook";
  id: string;
}
