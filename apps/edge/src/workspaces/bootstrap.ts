import { AppError, createId, type CreatedWorkspace, type CreateWorkspace } from "@sandi/contracts";
import { base64url, s256, utf8 } from "@sandi/crypto";
import { isSupportedCountry } from "libphonenumber-js/max";
import { sql } from "kysely";
import { isConstraint } from "../db/failures.ts";
import type { Db } from "../db/schema.ts";
import type { Services } from "../services.ts";
import { commit } from "../writes/commit.ts";
import { type DraftedWorkspace, draftWorkspace } from "./new-workspace.ts";

/** Throws unless this is the operator's token. The time of the comparison does not depend on the token. */
export async function refuseWrongToken({ bootstrapToken }: Services, given: string | undefined): Promise<string> {
  if (bootstrapToken === undefined || given === undefined) throw refused();
  const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  const mac = await crypto.subtle.sign("HMAC", key as CryptoKey, utf8(bootstrapToken));
  if (!(await crypto.subtle.verify("HMAC", key as CryptoKey, mac, utf8(given)))) throw refused();
  return bootstrapToken;
}

const refused = () => new AppError("unauthenticated", { detail: "This needs the operator's token, which works once." });

/** Creates a workspace with the operator's token. The same batch marks the token as used, so a second request creates nothing. */
export async function bootstrapWorkspace(
  services: Services,
  { token, input }: { token: string; input: CreateWorkspace },
): Promise<CreatedWorkspace> {
  const { db, random } = services;
  const { defaultCountry } = input;
  if (!isSupportedCountry(defaultCountry)) throw wrong("/defaultCountry", "is not a country with phone numbers");
  const tokenHash = await s256(token);
  if (await isUsed(db, tokenHash)) throw refused();
  const now = services.now();
  const at = now.getTime();
  const workspaceId = createId("ws", now, random(10));
  const auditId = createId("aud", now, random(10));
  const adminPassword = base64url(random(18));
  const draft = { ...input, adminPassword, now, random };
  const { statements, ...made } = await draftWorkspace(db, draft, { workspaceId, auditId });
  try {
    await commit(services, {
      writes: {
        used: sql`INSERT INTO bootstrap (token_hash, workspace_id, used_at) VALUES (${tokenHash}, ${workspaceId}, ${at})`,
        statements,
      },
      undo: () => ({
        writes: [
          db.kysely.deleteFrom("bootstrap").where("workspaceId", "=", workspaceId),
          db.kysely.deleteFrom("apiKey").where("workspaceId", "=", workspaceId),
          db.kysely.deleteFrom("pool").where("workspaceId", "=", workspaceId),
          db.kysely.deleteFrom("user").where("workspaceId", "=", workspaceId),
          db.kysely.deleteFrom("workspace").where("id", "=", workspaceId),
          sql`UPDATE audit SET action = 'workspace.not_created' WHERE id = ${auditId}`,
        ],
      }),
    });
  } catch (error) {
    if (!isConstraint(error)) throw error;
    throw (await isUsed(db, tokenHash)) ? refused() : wrong("/adminEmail", "belongs to an admin already");
  }
  return shown(made, { email: input.adminEmail.trim().toLowerCase(), password: adminPassword });
}

const wrong = (pointer: string, message: string) => new AppError("invalid-request", { errors: [{ pointer, message }] });

const shown = (made: Omit<DraftedWorkspace, "statements">, admin: CreatedWorkspace["admin"]) => ({ ...made, admin });

const isUsed = async (db: Db, tokenHash: string) =>
  (await db.kysely.selectFrom("bootstrap").select("usedAt").where("tokenHash", "=", tokenHash).execute()).length > 0;
