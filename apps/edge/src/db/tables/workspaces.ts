import type { Locale } from "@sandi/contracts";

export interface ApiKeyTable {
  id: string;
  workspaceId: string;
  name: string;
  hash: string;
  prefix: string;
  environment: "live" | "test";
  /** JSON array of `Scope`. */
  scopes: string;
  /** JSON array of addresses and CIDR ranges; empty: from anywhere. */
  ipAllowList: string;
  expiresAt: number | null;
  revokedAt: number | null;
  lastUsedAt: number | null;
  /** The key that replaced it in a rotation. */
  replacedBy: string | null;
  createdAt: number;
}

export interface AuditTable {
  id: string;
  workspaceId: string;
  /** An API key's id, or `operator`. */
  actor: string;
  /** A past fact, such as `key.created`. */
  action: string;
  target: string;
  /** JSON object. */
  detail: string;
  /** The entry is by or about a test key. */
  test: 0 | 1;
  createdAt: number;
}

export interface IdempotencyTable {
  workspaceId: string;
  keyHash: string;
  fingerprint: string;
  resourceId: string;
  /** The status of a stored answer of a request that creates nothing. */
  status: number | null;
  response: string | null;
  /** The response holds a revealed code and is sealed. */
  isSealed: 0 | 1;
  createdAt: number;
  /** When the row may be deleted; null: a day after it was created. */
  expiresAt: number | null;
}

export interface AccessRuleTable {
  id: string;
  workspaceId: string;
  effect: "allow" | "block";
  kind: "number" | "prefix" | "country" | "ip";
  /** A number's hash, digits, a country, or the first address of a range (32 hex digits). */
  value: string;
  /** The last address of a range, else empty. */
  valueTo: string;
  /** The value of the request; a number is masked. */
  label: string;
  note: string | null;
  expiresAt: number | null;
  createdAt: number;
}

export interface TemplateTable {
  id: string;
  workspaceId: string;
  name: string;
  /** The purpose that it is the default for. */
  purpose: string | null;
  /** JSON object: locale to text. */
  texts: string;
  createdAt: number;
  updatedAt: number;
}

export interface SupabaseHookTable {
  id: string;
  workspaceId: string;
  name: string;
  companyName: string | null;
  locale: Locale | null;
  templateId: string | null;
  /** Sealed, as is the previous one, which is valid until `previousUntil`. */
  secret: string;
  previousSecret: string | null;
  previousUntil: number | null;
  /** The API key that owns it; null: the workspace. */
  createdBy: string | null;
  createdAt: number;
  updatedAt: number;
}
