import { runAlerts } from "./alerts/cron.ts";
import { rollUp } from "./analytics/roll-up.ts";
import { advanceDue, cancelForgotten } from "./batches/cron.ts";
import { advanceErasures } from "./erasures/cron.ts";
import { sql } from "kysely";
import { jobKinds } from "./features.ts";
import { publishDue } from "./jobs/publish-due.ts";
import { releaseDue, releaseInSandbox, releaseSize } from "./messages/release.ts";
import { deleteDueObjects, deleteForgotten } from "./media/clean.ts";
import { publishRerouted, rerouteBehind } from "./messages/reroute.ts";
import { settleSandbox } from "./messages/sandbox.ts";
import { hasMore, sweepSize } from "./retention.ts";
import type { Services } from "./services.ts";
import { advanceReplays } from "./webhooks/replay-cron.ts";
import { sweep } from "./sweep.ts";
import { keptForRetry, moveMessages } from "./messages/life.ts";
import { moveVerifications } from "./verifications/life.ts";
import { fanOutBehind } from "./webhooks/fan-out.ts";

const releaseRounds = 20;
const settleRounds = 4;
const expireRounds = 4;
const sweepRounds = 8;
/** A round deletes up to 500 objects. */
const mediaRounds = 4;
/** A round moves `sweepSize` counts. A code has about five. */
const rollUpRounds = 16;
/** The event of a send that was in progress when the message expired may arrive this late. */
const lateEventsMs = 120_000;

/**
 * Does what only the time asks for: publishes jobs, ends what has expired, deletes old rows. A duty that fails does not
 * stop the others; the first failure is thrown at the end.
 */
export async function runCron(services: Services): Promise<{ published: number }> {
  let published = 0;
  const duties: Record<string, () => Promise<unknown>> = {
    move: async () => (published += await moveWaiting(services)),
    release: () => repeat(releaseRounds, () => release(services)),
    publish: async () => (published += await publishDue(services, jobKinds)),
    settle: () => repeat(settleRounds, () => settle(services)),
    alert: () => runAlerts(services),
    expire: () => repeat(expireRounds, () => expire(services)),
    "advance batches": () => advanceDue(services),
    "erase people": () => advanceErasures(services),
    "replay events": () => advanceReplays(services),
    "cancel forgotten batches": () => cancelForgotten(services),
    deliver: () => fanOutBehind(services),
    "roll up": () => repeat(rollUpRounds, () => rollUpSome(services)),
    sweep: () => repeat(sweepRounds, () => sweep(services)),
    "delete media": () => repeat(mediaRounds, () => deleteDueObjects(services)),
    "search the store of media": () => deleteForgotten(services),
  };
  const failures: unknown[] = [];
  for (const [name, duty] of Object.entries(duties)) {
    await duty().catch((error: unknown) => {
      services.log(`cron could not ${name}`, error);
      failures.push(error);
    });
  }
  if (failures.length > 0) throw failures[0];
  return { published };
}

/** Moves messages from senders that cannot send to others that can. */
async function moveWaiting(services: Services): Promise<number> {
  const { db, now } = services;
  const rerouted = await db.write(rerouteBehind(db, now().getTime()));
  const moved = rerouted.flatMap(({ moved: { rows } }) => rows);
  publishRerouted(services, moved);
  return moved.length;
}

/** Repeats the work until nothing is left, at most `rounds` times. */
async function repeat(rounds: number, work: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < rounds; round++) if (!(await work())) return;
}

/** Queues scheduled messages. Answers whether there may be more. */
async function release({ db, now }: Services): Promise<boolean> {
  const { taken } = await db.write(releaseDue(db, now().getTime()));
  return (taken.numAffectedRows ?? 0n) >= BigInt(releaseSize);
}

/** Returns whether more rows may be left. */
async function expire({ db, now }: Services): Promise<boolean> {
  const at = now().getTime();
  const results = await db.write([
    moveMessages(db, "failForNow", {
      which: sql`id IN (SELECT id FROM message WHERE status IN ('queued', 'sending') AND expires_at <= ${at}
        AND (status = 'queued' OR (claim_until <= ${at} AND expires_at <= ${at - lateEventsMs}))
        LIMIT ${sweepSize})`,
      at,
      set: sql`failure = 'expired', ${keptForRetry("expired")}`,
    }),
    moveVerifications(db, "expire", {
      which: sql`id IN (SELECT id FROM verification WHERE status = 'pending' AND expires_at <= ${at} LIMIT ${sweepSize})`,
      at,
    }),
  ]);
  return results.some(hasMore);
}

/** Takes the sandbox's steps that no request has taken. Answers whether there may be more. */
async function settle({ db, now }: Services): Promise<boolean> {
  const at = now().getTime();
  const results = await db.write([...releaseInSandbox(db, at), ...settleSandbox(db, at)]);
  return results.some(hasMore);
}

/** Rolls up counts of verifications. Answers whether there may be more. */
async function rollUpSome({ db }: Services): Promise<boolean> {
  const { moved } = await db.write(rollUp(db));
  return hasMore(moved);
}
