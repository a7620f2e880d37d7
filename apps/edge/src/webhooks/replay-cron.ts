import { sql } from "kysely";
import { dayMs, sweepSize } from "../retention.ts";
import type { Services } from "../services.ts";
import { advanceReplay } from "./advance-replay.ts";

/** A Worker may make a thousand requests in one run: a round of a replay makes about ten. */
const replaysAtOnce = 10;
const roundsOfReplay = 4;
const keptMs = 90 * dayMs;

/** Queues events of the replays that are due, some of each. QStash, or the next run, does the rest. */
export async function advanceReplays(services: Services): Promise<void> {
  const { db, now } = services;
  const { rows } = await db.kysely.executeQuery(
    sql<{ id: string }>`SELECT id FROM replay INDEXED BY replay_due WHERE due_at <= ${now().getTime()} ORDER BY due_at
      LIMIT ${replaysAtOnce}`.compile(db.kysely),
  );
  for (const { id } of rows) await advanceReplay(services, id, roundsOfReplay);
}

/** Deletes replays that finished long ago. */
export const sweepReplays = ({ db, now }: Services) => [
  sql`DELETE FROM replay WHERE id IN (SELECT id FROM replay WHERE finished_at <= ${now().getTime() - keptMs}
    LIMIT ${sweepSize})`.compile(db.kysely),
];
