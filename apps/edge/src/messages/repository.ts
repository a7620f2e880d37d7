import type { MessageType } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";
import type { Tenant } from "../auth/tenant.ts";
import { pacingOfRow } from "./jobs.ts";
import type { MessageRow } from "./present.ts";
import { readCurrent } from "./sender-of.ts";

const columns = [
  "id",
  "sessionId",
  "toMasked",
  "type",
  "status",
  "failure",
  "sentAt",
  "deliveredAt",
  "readAt",
  "createdAt",
  "expiresAt",
  "noAccountAt",
  "updatedAt as messageUpdatedAt",
] as const;

export async function findMessage(db: Db, tenant: Tenant, id: string, at: number): Promise<MessageRow | undefined> {
  const [row] = await readCurrent(db, tenant, { select: selectMessage(db, tenant, id).compile(), at });
  return row;
}

/** A message of `POST /v1/messages`. Messages with codes are not found: they belong to their verification. */
export function selectMessage(db: Db, { workspaceId, test }: Tenant, id: string) {
  return db.kysely
    .selectFrom("message")
    .select(columns)
    .select(pacingOfRow.as("pacing"))
    .where("workspaceId", "=", workspaceId)
    .where("id", "=", id)
    .where("test", "=", test)
    .where("verificationId", "is", null)
    .$narrowType<{ type: MessageType }>();
}
