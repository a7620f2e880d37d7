import type { Destination } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { auditStatement, settleByAudit } from "../audit/statement.ts";
import { writeAs } from "../writes/write-as.ts";
import type { Phone } from "../phone.ts";
import { newId } from "../services.ts";
import { findDestination } from "./repository.ts";

interface Input {
  toHash: string;
  phone: Phone;
}

/** Forgets the wrong codes for a number and its lock; the limits of sends stay. */
export async function unlockDestination(ctx: Context, { toHash, phone }: Input): Promise<Destination> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const before = await findDestination(db, workspaceId, { toHash, phone, at });
  const { failedChecks, locks, lockedUntil } = before;
  const id = newId(services, "aud");
  const detail = { failedChecks, locks, lockedUntil };
  try {
    await writeAs(ctx, [
      sql`UPDATE destination_budget SET consecutive = 0, locked_until = 0, failures = 0, locks = 0, updated_at = ${at}
        WHERE workspace_id = ${workspaceId} AND to_hash = ${toHash}
          AND (consecutive > 0 OR locked_until > 0 OR failures > 0 OR locks > 0)`.compile(db.kysely),
      auditStatement(db, {
        id,
        workspaceId,
        actor: actor.by.id,
        action: "destination.unlocked",
        target: phone.masked,
        detail,
        at,
      }),
    ]);
  } catch (error) {
    await settleByAudit(db, workspaceId, { error, id });
  }
  return { ...before, failedChecks: { lastHour: 0, inARow: 0 }, locks: 0, lockedUntil: null };
}
