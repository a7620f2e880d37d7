import { AppError } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { appendJob } from "../jobs/append-job.ts";
import { sweepSize } from "../retention.ts";
import { hasRoute, noRoute } from "../sessions/pick.ts";
import { moveMessages } from "./life.ts";
import type { Sender } from "./sender.ts";

/** What the sandbox can do with a message, in this order. Each step is a job with a due time. */
const steps = ["fail", "send", "deliver", "read"] as const;
type Step = (typeof steps)[number];

/** When it takes each step, in milliseconds after the message was queued. */
type Plan = Partial<Record<Step, number>>;
/** By the last two digits of the number. */
const plans: Record<string, Plan> = {
  "01": { fail: 0 },
  "02": {},
  "05": { send: 0, deliver: 20_000 },
};
const usualPlan: Plan = { send: 0, deliver: 0, read: 0 };

/** The refusal of numbers that refuse a create as the real world would. Only test keys may name them. */
export function refusalInSandbox(magic: string | undefined): AppError | undefined {
  if (magic === "03") return new AppError("no-eligible-session", { detail: "The sandbox's number for no session." });
  if (magic === "04")
    return new AppError("rate-limited", { detail: "The sandbox's number for a limit.", retryAfter: 60 });
  if (magic === "06") return new AppError("destination-blocked", { detail: "The sandbox's number for a block." });
  return undefined;
}

/** Throws for these numbers. */
export function refuseInSandbox(magic: string | undefined): void {
  const refusal = refusalInSandbox(magic);
  if (refusal) throw refusal;
}

/** The number whose owner answers an inbound verification at once. */
export const answersInbound = (magic: string | undefined) => magic === "07";

const kindOf = (step: Step) => ({
  name: `sandbox.${step}`,
  subject: "message" as const,
  expiresAt: () => sql`message.expires_at`,
});

/** The delay of a step for a `message` in SQL; NULL: the sandbox does not take it. Older rows have `•` (8226) for `*`. */
function delayOf(step: Step): RawBuilder<unknown> {
  const cases = Object.entries(plans).map(([magic, plan]) => sql`WHEN ${`+999***${magic}`} THEN ${plan[step] ?? null}`);
  return sql`CASE replace(message.to_masked, char(8226), '*') ${sql.join(cases, sql` `)} ELSE ${usualPlan[step] ?? null} END`;
}

const columns = { send: "sent_at", deliver: "delivered_at", read: "read_at" } as const;

/** Takes the steps that are due, so many of each kind: of one workspace, or of all. */
export function settleSandbox(db: Db, at: number, workspaceId?: string): CompiledQuery[] {
  return steps.flatMap((step) => {
    const { name } = kindOf(step);
    const due = sql`SELECT subject_id FROM job WHERE kind = ${name} AND publish_after <= ${at}
      ${workspaceId === undefined ? sql`` : sql`AND workspace_id = ${workspaceId}`} ORDER BY publish_after LIMIT ${sweepSize}`;
    const dueAt = sql`(SELECT publish_after FROM job WHERE kind = ${name} AND subject_id = message.id)`;
    return [
      moveMessages(db, step, {
        // Receipts also move what was canceled. The sandbox does not send it.
        which: sql`id IN (${due}) AND status NOT IN ('failed', 'canceled')`,
        at,
        set:
          step === "fail"
            ? sql`failure = 'not_on_whatsapp', no_account_at = ${at}`
            : sql`${sql.ref(columns[step])} = ${dueAt}`,
      }),
      sql`DELETE FROM job WHERE kind = ${name} AND subject_id IN (${due})`.compile(db.kysely),
    ];
  });
}

/** Sends nothing, and behaves as if it did. It needs no session: a request may name one, which has to exist. */
export const sandbox: Sender = {
  isLimited: false,
  pick: ({ workspaceId, route }) =>
    sql`(SELECT '' AS id, 1 AS may_write, 0 AS has_written, 'fail' AS fallback WHERE ${hasRoute(workspaceId, route)})`,
  poolOf: () => null,
  refusalOf: noRoute,
  codeOf: (length) => "12345678".slice(0, length),
  queue: (db, workspaceId, _, { which, at }) => [
    ...steps.map((step) =>
      appendJob(db, kindOf(step), {
        which: sql`${which} AND ${delayOf(step)} IS NOT NULL`,
        at,
        publishAfter: sql`${at} + ${delayOf(step)}`,
      }),
    ),
    ...settleSandbox(db, at, workspaceId),
  ],
  publish: () => {},
  settle: (db, workspaceId, at) => settleSandbox(db, at, workspaceId),
  // No phone has this number: the link leads nowhere.
  numberOf: () => "+99900000000",
  lookUp: (_, __, phones) =>
    Promise.resolve(phones.map(({ e164, magic }) => ({ number: e164, isOnWhatsApp: magic !== "01" }))),
};
