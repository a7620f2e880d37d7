import { AppError, type Quota } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** The longest window: older requests do not count. */
export const pairingWindowMs = 24 * hourMs;

/** For one session in ten minutes: enough for a person who types a wrong number or misses the prompt. */
const perSession = 5;
/** For one number in a day, over all workspaces, because its owner may not have asked for a prompt. */
const perNumber = 3;

export interface PairingSubject {
  workspaceId: string;
  sessionId: string;
  numberHash: string;
  quota: Pick<Quota, "pairingCodesPerHour">;
  at: number;
}

interface Budget {
  name: string;
  words: string;
  quota: number;
  windowMs: number;
  whose: RawBuilder<boolean>;
}

/** Limits for prompts on the phone of the number's owner. The database counts, so the limits hold without Redis. */
function budgetsOf({ workspaceId, sessionId, numberHash, quota }: PairingSubject): Budget[] {
  return [
    {
      name: "pairing-session",
      words: "for one session in ten minutes",
      quota: perSession,
      windowMs: 10 * minuteMs,
      whose: sql`session_id = ${sessionId}`,
    },
    {
      name: "pairing-workspace",
      words: "in a workspace in an hour",
      quota: quota.pairingCodesPerHour,
      windowMs: hourMs,
      whose: sql`workspace_id = ${workspaceId}`,
    },
    {
      name: "pairing-number",
      words: "for one number in a day",
      quota: perNumber,
      windowMs: pairingWindowMs,
      whose: sql`number_hash = ${numberHash}`,
    },
  ];
}

/** In SQL the time of the request that must leave the window first; null if the budget is not used up. */
const fullSince = ({ whose, quota, windowMs }: Budget, at: number) =>
  sql<number | null>`(SELECT created_at FROM pairing_request WHERE ${whose} AND created_at > ${at - windowMs}
    ORDER BY created_at DESC LIMIT 1 OFFSET ${quota - 1})`;

/** True in SQL if all budgets allow one more request. */
export const hasPairingRoom = (subject: PairingSubject): RawBuilder<boolean> =>
  sql`(${sql.join(
    budgetsOf(subject).map((budget) => sql`${fullSince(budget, subject.at)} IS NULL`),
    sql` AND `,
  )})`;

/** In SQL a JSON array of `fullSince` of each budget; `pairingRefusal` reads it. */
export const pairingState = (subject: PairingSubject): RawBuilder<string> =>
  sql`json_array(${sql.join(budgetsOf(subject).map((budget) => fullSince(budget, subject.at)))})`;

/** The refusal for the budget with the longest wait. */
export function pairingRefusal(subject: PairingSubject, state: string): AppError {
  const since = JSON.parse(state) as (number | null)[];
  const waits = budgetsOf(subject).map((budget, i) => ({
    budget,
    waitMs: (since[i] ?? 0) + budget.windowMs - subject.at,
  }));
  const [longest] = waits.toSorted((a, b) => b.waitMs - a.waitMs);
  if (!longest) return new AppError("rate-limited");
  const { waitMs } = longest;
  const { name, words, quota, windowMs } = longest.budget;
  return new AppError("rate-limited", {
    detail: `At most ${quota} pairing codes ${words} are requested from WhatsApp, because each shows a prompt on a phone. QR codes are not limited.`,
    retryAfter: Math.max(1, Math.ceil(waitMs / 1000)),
    limit: { name, quota, windowSeconds: windowMs / 1000 },
  });
}
