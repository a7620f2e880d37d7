import { AppError } from "@sandi/contracts";
import { sql } from "kysely";
import type { Db } from "../db/schema.ts";

/** The first so many digits are the code of every verification made with a test key. */
export const sandboxCode = (length: number) => "12345678".slice(0, length);

type Step = "sent" | "delivered" | "read" | "failed";

/** What the sandbox does with a message to one of its numbers, in milliseconds from now. */
const steps: Record<string, Partial<Record<Step, number>>> = {
  "01": { failed: 0 },
  "02": {},
  "05": { sent: 0, delivered: 20_000 },
};

/** The sandbox's plan for a message, as JSON; any number that is not special gets delivered and read. */
export function sandboxSteps(magic: string | undefined, at: number): string {
  const plan = steps[magic ?? ""] ?? { sent: 0, delivered: 0, read: 0 };
  return JSON.stringify(Object.fromEntries(Object.entries(plan).map(([step, after]) => [step, at + after])));
}

/** The numbers that refuse a create as the real world would. */
export function refuseInSandbox(magic: string | undefined): void {
  if (magic === "03") throw new AppError("no-eligible-session", { detail: "The sandbox's number for no session." });
  if (magic === "04")
    throw new AppError("rate-limited", { detail: "The sandbox's number for a limit.", retryAfter: 60 });
  if (magic === "06") throw new AppError("destination-blocked", { detail: "The sandbox's number for a block." });
}

/** The number whose owner answers an inbound verification at once. */
export const answersInbound = (magic: string | undefined) => magic === "07";

const due = (step: Step, at: number) => sql`sandbox_steps ->> ${`$.${step}`} <= ${at}`;

/** True in SQL for a `message` with a step of the sandbox that is due. */
export const owesBy = (
  at: number,
) => sql<boolean>`(sandbox_steps IS NOT NULL AND status IN ('queued', 'sent', 'delivered')
  AND EXISTS (SELECT 1 FROM json_each(sandbox_steps) WHERE value <= ${at}))`;

/** Lets happen what the sandbox owes by now. */
export function settleSandbox(db: Db, workspaceId: string, at: number) {
  return sql`UPDATE message SET
      sent_at = CASE WHEN ${due("sent", at)} THEN sandbox_steps ->> '$.sent' ELSE sent_at END,
      delivered_at = CASE WHEN ${due("delivered", at)} THEN sandbox_steps ->> '$.delivered' ELSE delivered_at END,
      read_at = CASE WHEN ${due("read", at)} THEN sandbox_steps ->> '$.read' ELSE read_at END,
      failure = CASE WHEN ${due("failed", at)} THEN 'not_on_whatsapp' ELSE failure END,
      no_account_at = CASE WHEN ${due("failed", at)} THEN ${at} ELSE no_account_at END,
      status = CASE WHEN ${due("failed", at)} THEN 'failed' WHEN ${due("read", at)} THEN 'read'
        WHEN ${due("delivered", at)} THEN 'delivered' WHEN ${due("sent", at)} THEN 'sent' ELSE status END,
      sandbox_steps = (SELECT json_group_object(key, value) FROM json_each(sandbox_steps) WHERE value > ${at}),
      updated_at = ${at}
    WHERE workspace_id = ${workspaceId} AND ${owesBy(at)}`.compile(db.kysely);
}
