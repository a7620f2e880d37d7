import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { VerificationTable } from "../db/tables/verifications.ts";
import { idempotencyTtlMs, isFirstRequest, storeIdempotencyKey } from "../http/idempotency/create.ts";
import { senderOf } from "../messages/sender-of.ts";
import { type Draft, idOfDraft } from "./draft.ts";
import { prefixOf } from "../phone.ts";
import { guardPrefix } from "./guard.ts";
import { moveVerifications } from "./life.ts";
import { firstWaitOf, renewVerification } from "./renew.ts";
import { lockRule, numberRule, sendsRule, turnRule } from "./rules.ts";
import { sendStatements } from "./send.ts";
import { isUnreachableTo } from "./status.ts";
import { decide, isAdmitted, refuseWhen, type Rule } from "./verdict.ts";

/** The columns that are computed before the batch. */
export type DraftColumns = Pick<
  VerificationTable,
  "codeMac" | "sealedCode" | "tokenMac" | "bind" | "templateId" | "locale" | "text"
>;

/** Decides, and if no rule refuses: renews the pending verification or stores a new one, and queues its code. */
export function createStatements(db: Db, draft: Draft, columns: DraftColumns): CompiledQuery[] {
  const { tenant, plan, body, messageId, at, destination, trace, idempotencyKey } = draft;
  const { workspaceId } = tenant;
  const { toHash, policy, e164 } = destination;
  const sender = senderOf(tenant);
  const pending = sql<boolean>`workspace_id = ${workspaceId} AND to_hash = ${toHash} AND purpose = ${body.purpose}
    AND status = 'pending'`;
  const hasExpired = sql<boolean>`expires_at <= ${at}`;
  const isGuarded = sender.isLimited && plan.mode !== "inbound" && !plan.hasKnownCode;
  return [
    ...(isGuarded && policy.prefixGuard !== "off"
      ? [guardPrefix(db, policy.prefixGuard, { workspaceId, prefix: prefixOf(e164), at })]
      : []),
    decide(db, {
      id: messageId,
      picked: pickedFor(draft),
      rules: [
        ...(idempotencyKey
          ? [refuseWhen(sql`NOT ${isFirstRequest(workspaceId, idempotencyKey, at - idempotencyTtlMs)}`, "repeated")]
          : []),
        refuseWhen(sql`p.mode IS NULL`, "no-sender"),
        ...(sender.isLimited ? [numberRule(destination), lockRule(destination)] : []),
        turnRule(sql`${pending} AND NOT ${hasExpired} AND NOT ${isUnreachableTo(draft.scopes, "verification")}`, {
          at,
          isReplaced: differsFrom(draft, columns, sql`p.mode`),
        }),
        coolingRule(draft),
        ...(sender.isLimited ? [sendsRule(destination)] : []),
      ],
    }),
    // A pending verification for something else, or for another client, is canceled: its code must not pass for the new one.
    // So is a verification that has already ended for this key.
    moveVerifications(db, [{ name: "expire", when: hasExpired }, { name: "cancel" }], {
      which: sql`${pending} AND (${hasExpired} OR ${isAdmitted(
        messageId,
        sql`((next_send_at <= ${at} AND ${differsFrom(draft, columns, sql`a.mode`)})
          OR ${isUnreachableTo(draft.scopes, "verification")})`,
      )})`,
      at,
    }),
    renewVerification(db, {
      which: pending,
      messageId,
      policy,
      at,
      set: sql`pool_id = ${sender.poolOf(workspaceId, body.route ?? {})}, template_id = ${columns.templateId},
        locale = ${columns.locale}, text = ${columns.text}, renewed_by = ${messageId}`,
    }),
    insertVerification(db, draft, { columns, pending }),
    ...sendStatements(db, {
      tenant,
      messageId,
      which: sql`v.workspace_id = ${workspaceId} AND v.to_hash = ${toHash} AND v.purpose = ${body.purpose}`,
      // Older messages of this verification, and of one that was canceled above, are canceled.
      older: sql`SELECT v.id FROM verification v INDEXED BY verification_to WHERE v.workspace_id = ${workspaceId}
        AND v.to_hash = ${toHash}
        AND v.purpose = ${body.purpose} AND (v.message_id = ${messageId} OR (v.status = 'canceled' AND v.updated_at = ${at}))`,
      at,
      trace,
    }),
    ...storeIdempotencyKey(db, workspaceId, { idempotencyKey, made: idOfDraft(draft), at }),
  ];
}

/** The sender and the mode that the request gets. No mode: nobody may send. */
function pickedFor({ plan, tenant: { workspaceId, test }, destination, body, at }: Draft): RawBuilder<unknown> {
  const cold = plan.mayFallBack ? sql`CASE s.fallback WHEN 'inbound' THEN 'inbound' END` : sql`NULL`;
  const modes = {
    push: sql`CASE WHEN s.may_write THEN 'push' ELSE ${cold} END`,
    inbound: sql`'inbound'`,
    auto: sql`CASE WHEN s.has_written THEN 'push' ELSE 'inbound' END`,
  };
  const sender = senderOf({ test }).pick({ workspaceId, route: body.route ?? {}, toHash: destination.toHash, at });
  return sql`(SELECT s.id, CASE WHEN s.id IS NOT NULL THEN ${modes[plan.mode]} END AS mode
    FROM (SELECT 1) LEFT JOIN ${sender} s ON true)`;
}

/** A create after a cancel, or after the last wrong code, is another send: it waits like a resend. */
const coolingRule = ({ tenant: { workspaceId }, body, destination: { toHash }, scopes, at }: Draft): Rule =>
  sql`(SELECT json_array('cooldown', c.next_send_at) FROM verification c WHERE c.workspace_id = ${workspaceId}
    AND c.to_hash = ${toHash} AND c.purpose = ${body.purpose} AND c.status IN ('canceled', 'max_attempts_reached')
    AND c.next_send_at > ${at} AND NOT ${isUnreachableTo(scopes, "c")}
    AND EXISTS (SELECT 1 FROM message m WHERE m.verification_id = c.id AND m.status <> 'canceled')
    ORDER BY c.next_send_at DESC LIMIT 1)`;

/**
 * True in SQL of a pending verification that does not fit this request. A code that some caller knows, or one of another
 * length, is not sent for it. A verification that a message approves does not stand for one that waits for its code.
 */
const differsFrom = ({ plan, body }: Draft, { bind }: DraftColumns, mode: RawBuilder<unknown>): RawBuilder<boolean> =>
  sql`(${plan.hasKnownCode ? 1 : 0} OR has_known_code = 1 OR inbound_variant <> ${plan.variant}
    OR code_length <> coalesce(${body.codeLength ?? null}, code_length) OR bind IS NOT ${bind}
    OR client_binding IS NOT ${body.clientBinding?.challenge ?? null}
    OR (${plan.mode} <> 'auto' AND verification.mode <> ${mode}))`;

/** Stores a new verification if no rule refuses and none is pending. Runs after `renewVerification`. */
function insertVerification(
  db: Db,
  { id, messageId, tenant: { workspaceId, test }, plan, body, destination, at }: Draft,
  { columns, pending }: { columns: DraftColumns; pending: RawBuilder<boolean> },
) {
  const { toHash, globalHash, country, e164, policy } = destination;
  const { templateId, locale, text, codeMac, sealedCode, bind, tokenMac } = columns;
  const firstNextSend = sql`${at} + CASE a.mode WHEN 'push' THEN ${firstWaitOf(policy) * 1000} ELSE 0 END`;
  return sql`INSERT INTO verification (id, workspace_id, to_hash, global_hash, to_masked, country, prefix, purpose, status, mode,
      session_id, template_id, locale, text, renewed_by, code_mac, sealed_code, code_length, attempts_left, sends_left,
      next_send_at, expires_at, message_id, metadata, bind, client_binding, has_known_code, token_mac, inbound_variant, test,
      created_at, updated_at, pool_id)
    SELECT ${id}, ${workspaceId}, ${toHash}, ${globalHash}, ${plan.phone.masked}, ${country}, ${prefixOf(e164)},
      ${body.purpose}, 'pending', a.mode, a.session_id, ${templateId}, ${locale}, ${text}, ${messageId}, ${codeMac},
      ${sealedCode}, ${plan.code.length}, ${plan.checks}, ${plan.sends} - (a.mode = 'push'), ${firstNextSend},
      ${at + plan.lifetimeMs}, CASE a.mode WHEN 'push' THEN ${messageId} END, ${JSON.stringify(body.metadata ?? {})},
      ${bind}, ${body.clientBinding?.challenge ?? null}, ${plan.hasKnownCode ? 1 : 0}, ${tokenMac},
      ${tokenMac ? plan.variant : null}, ${test}, ${at}, ${at}, ${senderOf({ test }).poolOf(workspaceId, body.route ?? {})}
    FROM admission a WHERE a.id = ${messageId} AND a.verdict IS NULL
      AND NOT EXISTS (SELECT 1 FROM verification WHERE ${pending})`.compile(db.kysely);
}
