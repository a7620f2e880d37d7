import { AppError, CompanyName, createId, type Policy, Quota, scopes } from "@sandi/contracts";
import { generateApiKey, hashPassword, type Random } from "@sandi/crypto";
import { type CompiledQuery, sql } from "kysely";
import type { z } from "zod";
import { auditStatement } from "../audit/statement.ts";
import type { Db } from "../db/schema.ts";
import { fieldErrors } from "../http/validation.ts";
import { insertDefaultPool } from "../pools/repository.ts";
import { changedPolicy } from "./merge.ts";

export interface WorkspaceDraft {
  now: Date;
  random: Random;
  name: string;
  adminEmail: string;
  adminPassword: string;
  /** ISO 3166-1 alpha-2: the country of national numbers and of codes. */
  defaultCountry: string;
  policy?: Partial<Policy>;
  quota?: Partial<Quota>;
}

/** The scopes of the first test key: it sends and checks in the sandbox, and manages nothing. */
const sandboxScopes = scopes.filter((scope) => /^(otp|message):/.test(scope));

/** The statements that create a workspace, and its keys. */
export interface DraftedWorkspace {
  workspaceId: string;
  apiKey: string;
  testApiKey: string;
  statements: CompiledQuery[];
}

/**
 * Drafts a workspace with its admin and two API keys: a live key with every scope, and a test key for codes and messages
 * in the sandbox. Throws an `Error` that names the invalid field.
 */
export async function draftWorkspace(
  db: Db,
  { now, random, adminEmail, adminPassword, defaultCountry, ...input }: WorkspaceDraft,
  { workspaceId, auditId }: { workspaceId: string; auditId: string },
): Promise<DraftedWorkspace> {
  const name = valid("the workspace's name", CompanyName, input.name);
  const chosen = chosenPolicy({ ...input.policy, defaultCountry });
  valid("the quota: it", Quota, input.quota ?? {});
  const at = now.getTime();
  const live = await generateApiKey("live", random);
  const test = await generateApiKey("test", random);
  const passwordHash = await hashPassword(adminPassword, random);
  const email = adminEmail.trim().toLowerCase();
  const apiKey = (environment: "live" | "test", { hash, prefix }: typeof live) =>
    sql`INSERT INTO api_key (id, workspace_id, name, hash, prefix, environment, scopes, created_at)
      VALUES (${createId("key", now, random(10))}, ${workspaceId}, ${environment === "live" ? "First key" : "First test key"},
        ${hash}, ${prefix}, ${environment}, ${JSON.stringify(environment === "live" ? scopes : sandboxScopes)}, ${at})`.compile(
      db.kysely,
    );
  const statements = [
    sql`INSERT INTO workspace (id, name, policy, quota, created_at)
      VALUES (${workspaceId}, ${name}, ${JSON.stringify(chosen)}, ${JSON.stringify(input.quota ?? {})}, ${at})`.compile(
      db.kysely,
    ),
    insertDefaultPool(db, workspaceId),
    sql`INSERT INTO user (id, workspace_id, email, password_hash, role, created_at)
      VALUES (${createId("usr", now, random(10))}, ${workspaceId}, ${email}, ${passwordHash}, 'admin', ${at})`.compile(
      db.kysely,
    ),
    apiKey("live", live),
    apiKey("test", test),
    auditStatement(db, {
      id: auditId,
      workspaceId,
      actor: "operator",
      action: "workspace.created",
      target: workspaceId,
      detail: { name, policy: chosen, quota: input.quota ?? {} },
      at,
    }),
  ];
  return { workspaceId, apiKey: live.key, testApiKey: test.key, statements };
}

function chosenPolicy(policy: Partial<Policy>): Record<string, unknown> {
  try {
    return changedPolicy({}, policy).chosen;
  } catch (cause) {
    const [first] = cause instanceof AppError ? (cause.extras.errors ?? []) : [];
    throw new Error(`${first?.pointer.slice(1) ?? "the policy"} ${first?.message ?? "is not valid"}`, { cause });
  }
}

function valid<T>(what: string, schema: z.ZodType<T>, value: unknown): T {
  const { data, error } = schema.safeParse(value);
  if (data !== undefined) return data;
  const [first] = fieldErrors(error?.issues ?? [], "");
  throw new Error(`${what}${first?.pointer ? ` ${first.pointer.slice(1)}` : ""} ${first?.message ?? "is not valid"}`);
}
