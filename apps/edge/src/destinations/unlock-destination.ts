import type { Destination } from "@sandi/contracts";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import { audited } from "../audit/statement.ts";
import { commitAs } from "../writes/commit-as.ts";
import type { Phone } from "../phone.ts";
import { findDestination } from "./repository.ts";

interface Input {
  toHash: string;
  phone: Phone;
}

/** Resets the wrong codes and the lock of a number. The limits of sends stay. */
export async function unlockDestination(ctx: Context, { toHash, phone }: Input): Promise<Destination> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId } = actor;
  const at = services.now().getTime();
  const before = await findDestination(db, workspaceId, { toHash, phone, at });
  const { failedChecks, locks, lockedUntil } = before;
  await commitAs(ctx, {
    writes: {
      unlocked: sql`UPDATE destination_budget SET consecutive = 0, locked_until = 0, failures = 0, locks = 0, updated_at = ${at}
        WHERE workspace_id = ${workspaceId} AND to_hash = ${toHash}
          AND (consecutive > 0 OR locked_until > 0 OR failures > 0 OR locks > 0)`,
      // Only if something was reset.
      audit: audited(ctx, {
        action: "destination.unlocked",
        target: phone.masked,
        detail: { failedChecks, locks, lockedUntil },
        at,
        when: sql`changes() > 0`,
      }),
    },
  });
  return { ...before, failedChecks: { lastHour: 0, inARow: 0 }, locks: 0, lockedUntil: null };
}
