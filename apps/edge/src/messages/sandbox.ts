import { AppError } from "@sandi/contracts";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { moveMessages } from "./life.ts";

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
export const hasStepDue = (
  at: number,
) => sql<boolean>`(sandbox_steps IS NOT NULL AND status IN ('queued', 'sent', 'delivered')
  AND EXISTS (SELECT 1 FROM json_each(sandbox_steps) WHERE value <= ${at}))`;

const reached = (step: Exclude<Step, "failed">) => sql`${sql.ref(`${step}_at`)} = sandbox_steps ->> ${`$.${step}`}`;

/** Does what the sandbox is to do with its messages by now. */
export function settleSandbox(db: Db, workspaceId: string, at: number) {
  const move = (name: "fail" | "send" | "deliver" | "read", step: Step, set: RawBuilder<unknown>) =>
    moveMessages(db, name, {
      which: sql`workspace_id = ${workspaceId} AND ${hasStepDue(at)} AND ${due(step, at)}`,
      at,
      set,
    });
  return [
    move("fail", "failed", sql`failure = 'not_on_whatsapp', no_account_at = ${at}`),
    move("send", "sent", reached("sent")),
    move("deliver", "delivered", reached("delivered")),
    move("read", "read", reached("read")),
    sql`UPDATE message SET sandbox_steps = (SELECT json_group_object(key, value) FROM json_each(sandbox_steps)
        WHERE value > ${at})
      WHERE workspace_id = ${workspaceId} AND sandbox_steps IS NOT NULL
        AND EXISTS (SELECT 1 FROM json_each(sandbox_steps) WHERE value <= ${at})`.compile(db.kysely),
  ];
}
