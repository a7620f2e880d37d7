import { createId } from "@sandi/contracts";
import { createDatabase } from "@sandi/libsql";
import type { Client } from "@libsql/client";
import type { Tables } from "../db/schema.ts";
import { draftWorkspace, type WorkspaceDraft } from "./new-workspace.ts";

export interface NewWorkspace extends WorkspaceDraft {
  client: Client;
}

/**
 * Creates a workspace with its admin, a live API key with every scope and a test key, in one transaction. The keys are
 * only in this result.
 */
export async function createWorkspace({ client, ...input }: NewWorkspace) {
  const db = createDatabase<Tables>(client);
  const { now, random } = input;
  const ids = { workspaceId: createId("ws", now, random(10)), auditId: createId("aud", now, random(10)) };
  const { statements, ...made } = await draftWorkspace(db, input, ids);
  await db.write(statements);
  return made;
}
