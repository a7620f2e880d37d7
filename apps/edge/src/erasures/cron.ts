import { sql } from "kysely";
import type { Services } from "../services.ts";
import { advance } from "./advance.ts";

/** A Worker may make a thousand requests in one run: a round of an erasure makes about ten. */
const erasuresAtOnce = 10;
const roundsOfErasure = 4;

/** Does the work of erasures that are due, some of each. QStash, or the next run, does the rest. */
export async function advanceErasures(services: Services): Promise<void> {
  const { db, now } = services;
  const { rows } = await db.kysely.executeQuery(
    sql<{ id: string }>`SELECT id FROM erasure INDEXED BY erasure_due WHERE due_at <= ${now().getTime()} ORDER BY due_at
      LIMIT ${erasuresAtOnce}`.compile(db.kysely),
  );
  for (const { id } of rows) await advance(services, id, roundsOfErasure);
}
