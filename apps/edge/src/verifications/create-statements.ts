import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { VerificationTable } from "../db/tables/verifications.ts";
import { idempotencyTtlMs, isFirstRequest, storeIdempotencyKey } from "../http/idempotency/create.ts";
import { decide, refuseWhen, type Rule } from "../messages/admission.ts";
import { senderOf } from "../messages/sender-of.ts";
import { type Draft, idOfDraft } from "./draft.ts";
import { prefixOf, storedMask } from "../phone.ts";
import { guardPrefix } from "./guard.ts";
import { moveVerifications } from "./life.ts";
import { firstWaitOf, renewVerification } from "./renew.ts";
import { lockRule, numberRule, sendsRule, turnRule } from "./rules.ts";
import { sendStatements } from "./send.ts";
import { isUnreachableTo } from "./status.ts";
import { pendingOf } from "./verdict.ts";

/** The columns that are computed before the batch. */
export type DraftColumns = Pick<
  VerificationTable,
  "codeMac" | "sealedCode" | "tokenMac" | "bind" | "templateId" | "locale" | "text"
>;

/** Decides, and if no rule refuses: renews the pending verification or stores a new one, and queues its code. */
export function createStatements(db: Db, draft: Draft, columns: DraftColumns): CompiledQuery[] {
  const { tenant, plan, body, messageId, at, destination, trace, idempotencyKey } = draft;
  const { workspaceId } = tenant;
  const { policy, e164 } = destination;
  const sender = senderOf(tenant);
  const isGuarded = sender.isLimited && plan.mode !== "inbound" && !plan.hasKnownCode;
  return [
    ...(isGuarded && policy.prefixGuard !== "off"
      ? [guardPrefix(db, policy.prefixGuard, { workspaceId, prefix: prefixOf(e164), at })]
      : []),
    decide(db, {
      id: messageId,
      picked: pickedFor(draft, columns),
      rules: [
        ...(idempotencyKey
          ? [refuseWhen(sql`NOT ${isFirstRequest(workspaceId, idempotencyKey, at - idempotencyTtlMs)}`, "repeated")]
          : []),
        refuseWhen(sql`p.mode IS NULL`, "no-sender"),
        ...(sender.isLimited ? [numberRule(destination), lockRule(destination)] : []),
        turnRule(at),
        coolingRule(draft),
        ...(sender.isLimited ? [sendsRule(destination)] : []),
      ],
    }),
    moveVerifications(db, [{ name: "expire", when: sql`expires_at <= ${at}` }, { name: "cancel" }], {
      which: sql`id = ${pendingOf(
        messageId,
        sql`(a.pending_step = 'expire' OR (a.pending_step = 'cancel' AND a.verdict IS NULL))`,
      )}`,
      at,
    }),
    renewVerification(db, {
      messageId,
      policy,
      at,
      set: sql`pool_id = ${sender.poolOf(workspaceId, body.route ?? {})}, template_id = ${columns.templateId},
        locale = ${columns.locale}, text = ${columns.text}, renewed_by = ${messageId}`,
    }),
    insertVerification(db, draft, columns),
    ...sendStatements(db, {
      tenant,
      messageId,
      which: sql`v.id IN (${draft.id}, ${pendingOf(messageId, sql`true`)})`,
      // Also messages of a verification that was canceled above.
      older: pendingOf(messageId, sql`a.verdict IS NULL AND a.pending_step <> 'expire'`),
      at,
      trace,
    }),
    ...storeIdempotencyKey(db, workspaceId, { idempotencyKey, made: idOfDraft(draft), at }),
  ];
}

/**
 * The sender and the mode that the request gets, and what becomes of a pending verification. No mode: nobody may send. A
 * pending verification for something else, or for another client, is canceled: its code must not pass for the new one. So
 * is one that has already ended for this key.
 */
function pickedFor(draft: Draft, columns: DraftColumns): RawBuilder<unknown> {
  const { plan, tenant, destination, body, scopes, at } = draft;
  const { workspaceId } = tenant;
  const { toHash } = destination;
  const cold = plan.mayFallBack ? sql`CASE s.fallback WHEN 'inbound' THEN 'inbound' END` : sql`NULL`;
  const modes = {
    push: sql`CASE WHEN s.may_write THEN 'push' ELSE ${cold} END`,
    inbound: sql`'inbound'`,
    auto: sql`CASE WHEN s.has_written THEN 'push' ELSE 'inbound' END`,
  };
  const sender = senderOf(tenant).pick({ workspaceId, route: body.route ?? {}, toHash, at });
  return sql`(SELECT s.id, s.mode, o.id AS pending_id, CASE WHEN o.expires_at <= ${at} THEN 'expire'
      WHEN (o.next_send_at <= ${at} AND ${differsFrom(draft, columns)}) OR ${isUnreachableTo(scopes, "o")} THEN 'cancel'
      WHEN o.id IS NOT NULL THEN 'resend' END AS pending_step
    FROM (SELECT s.id, CASE WHEN s.id IS NOT NULL THEN ${modes[plan.mode]} END AS mode
      FROM (SELECT 1) LEFT JOIN ${sender} s ON true) s
    LEFT JOIN verification o INDEXED BY verification_one_pending
      ON o.workspace_id = ${workspaceId} AND o.to_hash = ${toHash} AND o.purpose = ${body.purpose} AND o.status = 'pending')`;
}

/** A create after a cancel, or after the last wrong code, is another send: it waits like a resend. */
const coolingRule = ({ tenant: { workspaceId }, body, destination: { toHash }, scopes, at }: Draft): Rule =>
  sql`(SELECT json_array('cooldown', c.next_send_at) FROM verification c WHERE c.workspace_id = ${workspaceId}
    AND c.to_hash = ${toHash} AND c.purpose = ${body.purpose} AND c.status IN ('canceled', 'max_attempts_reached')
    AND c.next_send_at > ${at} AND NOT ${isUnreachableTo(scopes, "c")}
    AND EXISTS (SELECT 1 FROM message m WHERE m.verification_id = c.id AND m.status <> 'canceled')
    ORDER BY c.next_send_at DESC LIMIT 1)`;

/**
 * True in SQL of a pending verification `o` that does not fit this request for the sender `s`. A code that some caller
 * knows, or one of another length, is not sent for it. A verification that a message approves does not stand for one that
 * waits for its code.
 */
const differsFrom = ({ plan, body }: Draft, { bind }: DraftColumns): RawBuilder<boolean> =>
  sql`(${plan.hasKnownCode ? 1 : 0} OR o.has_known_code = 1 OR o.inbound_variant <> ${plan.variant}
    OR o.code_length <> coalesce(${body.codeLength ?? null}, o.code_length) OR o.bind IS NOT ${bind}
    OR o.client_binding IS NOT ${body.clientBinding?.challenge ?? null}
    OR (${plan.mode} <> 'auto' AND o.mode <> s.mode))`;

/** Stores a new verification if no rule refuses and none is sent again. */
function insertVerification(
  db: Db,
  { id, messageId, tenant: { workspaceId, test }, plan, body, destination, at }: Draft,
  columns: DraftColumns,
) {
  const { toHash, globalHash, country, e164, policy } = destination;
  const { templateId, locale, text, codeMac, sealedCode, bind, tokenMac } = columns;
  const firstNextSend = sql`${at} + CASE a.mode WHEN 'push' THEN ${firstWaitOf(policy) * 1000} ELSE 0 END`;
  return sql`INSERT INTO verification (id, workspace_id, to_hash, global_hash, to_masked, country, prefix, purpose, status, mode,
      session_id, template_id, locale, text, renewed_by, code_mac, sealed_code, code_length, attempts_left, sends_left,
      next_send_at, expires_at, message_id, metadata, bind, client_binding, has_known_code, token_mac, inbound_variant, test,
      created_at, updated_at, pool_id)
    SELECT ${id}, ${workspaceId}, ${toHash}, ${globalHash}, ${storedMask(plan.phone.masked)}, ${country}, ${prefixOf(e164)},
      ${body.purpose}, 'pending', a.mode, a.session_id, ${templateId}, ${locale}, ${text}, ${messageId}, ${codeMac},
      ${sealedCode}, ${plan.code.length}, ${plan.checks}, ${plan.sends} - (a.mode = 'push'), ${firstNextSend},
      ${at + plan.lifetimeMs}, CASE a.mode WHEN 'push' THEN ${messageId} END, ${JSON.stringify(body.metadata ?? {})},
      ${bind}, ${body.clientBinding?.challenge ?? null}, ${plan.hasKnownCode ? 1 : 0}, ${tokenMac},
      ${tokenMac ? plan.variant : null}, ${test}, ${at}, ${at}, ${senderOf({ test }).poolOf(workspaceId, body.route ?? {})}
    FROM admission a WHERE a.id = ${messageId} AND a.verdict IS NULL AND a.pending_step IS NOT 'resend'`.compile(
    db.kysely,
  );
}
