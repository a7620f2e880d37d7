import type { VerificationStatus } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import { moveMessages } from "../messages/life.ts";

type Secret = "code_mac" | "sealed_code" | "token_mac";

interface Transition {
  /** All transitions begin at `pending`. */
  to: VerificationStatus;
  /** Columns that become NULL. */
  clears: readonly Secret[];
  /** Cancels its queued messages: the code is used, or must not arrive any more. */
  cancelsMessages?: boolean;
  /** The event in the timeline. */
  event: `verification.${string}`;
  /** The stage that is counted, by the hour in which the verification was created. */
  stage?: string;
}

const secrets = ["code_mac", "sealed_code", "token_mac"] as const;

/** All transitions of a pending verification. The last six end it. */
export const verificationLife = {
  resend: { to: "pending", clears: [], event: "verification.resent", stage: "resent" },
  receive: { to: "pending", clears: ["token_mac"], event: "verification.received", stage: "received" },
  switch: { to: "pending", clears: [], event: "verification.switched" },
  miss: { to: "pending", clears: [], event: "verification.check_failed" },
  approve: {
    to: "approved",
    clears: secrets,
    cancelsMessages: true,
    event: "verification.approved",
    stage: "approved",
  },
  cancel: {
    to: "canceled",
    clears: secrets,
    cancelsMessages: true,
    event: "verification.canceled",
    stage: "canceled",
  },
  exhaust: {
    to: "max_attempts_reached",
    clears: secrets,
    cancelsMessages: true,
    event: "verification.max_attempts_reached",
    stage: "max_attempts_reached",
  },
  block: { to: "blocked", clears: secrets, cancelsMessages: true, event: "verification.blocked", stage: "blocked" },
  expire: { to: "expired", clears: secrets, event: "verification.expired", stage: "expired" },
  giveUp: {
    to: "undeliverable",
    clears: secrets,
    event: "verification.undeliverable",
    stage: "undeliverable",
  },
} as const satisfies Record<string, Transition>;

export type VerificationTransition = keyof typeof verificationLife;

/** The first transition whose `when` is true in SQL. Without `when`: always. */
interface Case {
  name: VerificationTransition;
  when?: RawBuilder<boolean>;
}

interface Change {
  /** True in SQL for the verifications that change, if they are pending. */
  which: RawBuilder<boolean>;
  at: number | RawBuilder<unknown>;
  /** More columns for the SET. */
  set?: RawBuilder<unknown>;
  index?: "verification_one_pending";
  /** The columns of RETURNING. */
  returning?: RawBuilder<unknown>;
}

/** The statement of a transition. It is the only way to change `verification.status`. */
export function moveVerifications<Row>(
  db: Db,
  to: VerificationTransition | readonly Case[],
  { which, at, set, index, returning }: Change,
): CompiledQuery<Row> {
  const cases: readonly Case[] = typeof to === "string" ? [{ name: to }] : to;
  // A SET of `status` costs the triggers of its changes, even where it stays.
  const isStill = cases.every(({ name }) => verificationLife[name].to === "pending");
  const columns = [
    ...(isStill ? [] : [sql`status = ${choose(cases, ({ to: status }) => sql.lit(status), sql`status`)}`]),
    ...secrets
      .filter((secret) => cases.some(({ name }) => clears(name, secret)))
      .map((secret) => {
        const column = sql.raw(secret);
        const isAlwaysCleared = cases.every(({ name }) => clears(name, secret)) && cases.some(({ when }) => !when);
        return isAlwaysCleared
          ? sql`${column} = NULL`
          : sql`${column} = ${choose(cases, (_, name) => (clears(name, secret) ? sql`NULL` : column), column)}`;
      }),
    ...(set ? [set] : []),
    sql`updated_at = ${at}`,
  ];
  return sql<Row>`UPDATE verification ${index ? sql`INDEXED BY ${sql.raw(index)}` : sql``} SET ${sql.join(columns)}
    WHERE ${which} AND verification.status = 'pending' ${returning ? sql`RETURNING ${returning}` : sql``}`.compile(
    db.kysely,
  );
}

/** After `moveVerifications`: cancels the queued messages of these verifications, if their end cancels messages. */
export const cancelMessagesOf = (db: Db, ids: RawBuilder<unknown>, at: number) =>
  moveMessages(db, "cancel", {
    which: sql<boolean>`verification_id IN (${ids}) AND EXISTS (SELECT 1 FROM verification v
      WHERE v.id = message.verification_id AND v.status IN (${canceling}))`,
    at,
    index: "message_verification",
  });

const canceling = sql.raw(
  Object.values<Transition>(verificationLife)
    .flatMap(({ cancelsMessages, to }) => (cancelsMessages ? [`'${to}'`] : []))
    .join(", "),
);

const clears = (name: VerificationTransition, secret: Secret) =>
  (verificationLife[name].clears as readonly Secret[]).includes(secret);

function choose(
  cases: readonly Case[],
  value: (transition: Transition, name: VerificationTransition) => RawBuilder<unknown>,
  otherwise: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const whens = cases.flatMap(({ name, when }) =>
    when ? [sql`WHEN ${when} THEN ${value(verificationLife[name], name)}`] : [],
  );
  const last = cases.find(({ when }) => when === undefined);
  const rest = last ? value(verificationLife[last.name], last.name) : otherwise;
  return whens.length === 0 ? rest : sql`CASE ${sql.join(whens, sql` `)} ELSE ${rest} END`;
}
