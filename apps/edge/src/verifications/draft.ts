import { type CreateVerification, sealedFor, sealedPayload } from "@sandi/contracts";
import { codeMac, inboundTokens, phoneHash } from "@sandi/crypto";
import type { TraceContext } from "@sandi/tracing";
import { type CompiledQuery, sql } from "kysely";
import type { Actor } from "../actor.ts";
import type { Context } from "../context.ts";
import { formerHashes } from "../access-rules/former-hashes.ts";
import type { Db, VerificationTable } from "../db/schema.ts";
import {
  idempotencyTtlMs,
  storeIdempotencyKey,
  isFirstRequest,
  type IdempotencyKey,
} from "../http/idempotency/create.ts";
import { hashScope, type Tenant, tenantOf } from "../auth/tenant.ts";
import { answersInbound, refuseInSandbox } from "../messages/sandbox.ts";
import { senderOf } from "../messages/sender.ts";
import { newId } from "../services.ts";
import { isLinked } from "../sessions/pick.ts";
import { textFor } from "../templates/text-for.ts";
import { type Destination, isAdmitted } from "./admission.ts";
import { canonicalBind } from "./bind.ts";
import { moveVerifications } from "./life.ts";
import { receiveStatements } from "./receive-token.ts";
import { guardPrefix, prefixOf } from "./guard.ts";
import { type Plan, planVerification } from "./plan.ts";
import { sendStatements } from "./send.ts";
import { isUnreachableTo } from "./status.ts";

export interface CreateInput {
  body: CreateVerification;
  idempotencyKey: IdempotencyKey | undefined;
}

/** A request with everything that its rows are made of. */
export interface Draft extends CreateInput {
  scopes: Actor["scopes"];
  tenant: Tenant;
  plan: Plan;
  at: number;
  id: string;
  messageId: string;
  destination: Destination;
  trace: TraceContext | undefined;
  writes: CompiledQuery[];
}

/** Reads a request and makes the statements that create its verification, or send a pending one again, if nothing stands against it. */
export async function prepareDraft(ctx: Context, input: CreateInput): Promise<Draft> {
  const { services, actor } = ctx;
  const { body } = input;
  const { phoneKey, peppers, seal } = services;
  const at = services.now().getTime();
  const tenant = tenantOf(actor);
  const plan = planVerification(ctx, body);
  refuseInSandbox(plan.phone.magic);
  const { e164, country } = plan.phone;
  const id = newId(services, "ver");
  const bind = canonicalBind(body.bind);
  const [toHash, hashes, globalHash, macs, sealed, tokens, text] = await Promise.all([
    phoneHash(phoneKey, hashScope(tenant), e164),
    formerHashes(phoneKey, hashScope(tenant), e164),
    phoneHash(phoneKey, hashScope({ ...tenant, workspaceId: "" }), e164),
    codeMac(peppers, { verificationId: id, code: plan.code, bind: bind ?? "" }),
    seal(sealedPayload(e164, { type: "code", code: plan.code }), sealedFor.code(id, tenant.workspaceId)),
    plan.mode === "push" && !plan.mayFallBack ? [] : inboundTokens(peppers, id),
    textFor(ctx, { body, country }),
  ]);
  const destination: Destination = {
    ...tenant,
    toHash,
    formerHashes: hashes,
    globalHash,
    e164,
    country,
    endUserIp: body.endUserIp,
    policy: actor.policy,
    perDay: services.destinationPerDay,
    at,
  };
  const draft = {
    ...input,
    scopes: actor.scopes,
    tenant,
    plan,
    at,
    id,
    messageId: newId(services, "msg"),
    destination,
    trace: ctx.trace,
  };
  const values: Partial<VerificationTable> = {
    codeMac: macs[0] ?? null,
    sealedCode: sealed,
    tokenMac: tokens[0]?.mac ?? null,
    bind,
    ...text,
  };
  // The owner of this number of the sandbox writes to us at once.
  const answers = answersInbound(plan.phone.magic)
    ? receiveStatements(
        services.db,
        {
          id: sql`(${idOfDraft(draft)})`,
          tenant,
          sender: { toHash },
          policy: actor.policy,
          perDay: services.destinationPerDay,
          trace: ctx.trace,
          at,
        },
        newId(services, "msg"),
      )
    : [];
  return { ...draft, writes: [...writesOf(services.db, draft, values), ...answers] };
}

function writesOf(db: Db, draft: Omit<Draft, "writes">, values: Partial<VerificationTable>): CompiledQuery[] {
  const { body, idempotencyKey, scopes, tenant, plan, at, id, messageId, destination, trace } = draft;
  const { workspaceId, test } = tenant;
  const from = senderOf(tenant);
  const { toHash, globalHash, e164, country, policy } = destination;
  const since = at - idempotencyTtlMs;
  const clientBinding = body.clientBinding?.challenge ?? null;
  const [firstWait = 30] = policy.cooldownSeconds;
  const lastWait = policy.cooldownSeconds.at(-1) ?? firstWait;
  const pending = sql`workspace_id = ${workspaceId} AND to_hash = ${toHash} AND purpose = ${body.purpose}
    AND status = 'pending'`;
  const route = body.route ?? {};
  const sender = from.pick({ workspaceId, route, toHash, at });
  const cold = plan.mayFallBack ? sql`CASE s.fallback WHEN 'inbound' THEN 'inbound' END` : sql`NULL`;
  const modes = {
    push: sql`CASE WHEN s.may_write THEN 'push' ELSE ${cold} END`,
    inbound: sql`'inbound'`,
    auto: sql`CASE WHEN s.has_written THEN 'push' ELSE 'inbound' END`,
  };
  /** Who sends, or is written to, and which of the two it comes to; no mode: nobody may write. */
  const picked = sql`(SELECT s.id, ${modes[plan.mode]} AS mode FROM ${sender} s)`;
  // To cancel what was sent, or to use up its checks, and to start anew is another send, and waits like one.
  const coolingDown = sql`EXISTS (SELECT 1 FROM verification c WHERE c.workspace_id = ${workspaceId}
    AND c.to_hash = ${toHash} AND c.purpose = ${body.purpose} AND c.status IN ('canceled', 'max_attempts_reached') AND c.next_send_at > ${at}
    AND NOT ${isUnreachableTo(scopes, "c")}
    AND EXISTS (SELECT 1 FROM message m WHERE m.verification_id = c.id AND m.status <> 'canceled'))`;
  const isWanted = sql`NOT ${coolingDown} AND ${isFirstRequest(workspaceId, idempotencyKey, since)}
    AND ${isAdmitted(destination)}`;
  // Of the row that is there: an inbound one has nothing to send before the user has written.
  const sends = sql`(verification.mode = 'push' OR verification.received_at IS NOT NULL)`;
  const wait = sql`1000 * coalesce(json_extract(${JSON.stringify(policy.cooldownSeconds)},
    '$[' || CAST(${plan.sends} - sends_left AS INTEGER) || ']'), ${lastWait})`;
  // Nor is a code that some caller knows, or a shorter one than is asked for, sent as if it were this request's. And a
  // verification that a message approves does not replace one that waits for its code, or the other way round.
  const isOther = sql`(${plan.hasKnownCode ? 1 : 0} OR has_known_code = 1 OR inbound_variant <> ${plan.variant}
    OR code_length <> coalesce(${body.codeLength ?? null}, code_length) OR bind IS NOT ${values.bind ?? null}
    OR client_binding IS NOT ${clientBinding} OR (${plan.mode} <> 'auto' AND verification.mode <> p.mode))`;

  return [
    moveVerifications(db, "expire", { which: sql`${pending} AND expires_at <= ${at}`, at }),
    ...(from.isLimited && plan.mode !== "inbound" && !plan.hasKnownCode && policy.prefixGuard !== "off"
      ? [guardPrefix(db, policy.prefixGuard, { workspaceId, prefix: prefixOf(e164), at })]
      : []),
    // What stands for something else, or for another client, makes room: its code must not be taken for the new one's.
    // So does a verification that has already ended for this key.
    moveVerifications(db, "cancel", {
      which: sql`${pending} AND ${isWanted} AND EXISTS (SELECT 1 FROM ${picked} p WHERE p.mode IS NOT NULL
        AND ((next_send_at <= ${at} AND ${isOther}) OR ${isUnreachableTo(scopes, "verification")}))`,
      at,
    }),
    sql`INSERT INTO verification (id, workspace_id, to_hash, global_hash, to_masked, country, prefix, purpose, status, mode,
        session_id, template_id, locale, text, renewed_by, code_mac, sealed_code, code_length, attempts_left, sends_left, next_send_at,
        expires_at, message_id, metadata, bind, client_binding, has_known_code, token_mac, inbound_variant, test,
        created_at, updated_at, pool_id)
      SELECT ${id}, ${workspaceId}, ${toHash}, ${globalHash}, ${plan.phone.masked}, ${country}, ${prefixOf(e164)},
        ${body.purpose}, 'pending', p.mode, p.id, ${values.templateId ?? ""}, ${values.locale ?? "en"}, ${values.text ?? ""},
        ${messageId}, ${values.codeMac}, ${values.sealedCode}, ${plan.code.length}, ${plan.checks},
        ${plan.sends} - (p.mode = 'push'), ${at} + CASE p.mode WHEN 'push' THEN ${firstWait * 1000} ELSE 0 END,
        ${at + plan.lifetimeMs}, CASE p.mode WHEN 'push' THEN ${messageId} END, ${JSON.stringify(body.metadata ?? {})},
        ${values.bind ?? null}, ${clientBinding}, ${plan.hasKnownCode ? 1 : 0},
        ${values.tokenMac ?? null}, ${values.tokenMac ? plan.variant : null}, ${test}, ${at}, ${at},
        ${from.poolOf(workspaceId, route)}
      FROM ${picked} p WHERE p.mode IS NOT NULL AND ${isWanted}
      ON CONFLICT (workspace_id, to_hash, purpose) WHERE status = 'pending' DO UPDATE SET
        sends_left = sends_left - ${sends}, message_id = CASE WHEN ${sends} THEN ${messageId} ELSE message_id END,
        next_send_at = CASE WHEN ${sends} THEN ${at} + ${wait} ELSE next_send_at END,
        session_id = CASE WHEN ${sends} OR NOT ${isLinked(sql`verification.session_id`)} THEN excluded.session_id
          ELSE session_id END,
        pool_id = excluded.pool_id, template_id = excluded.template_id, locale = excluded.locale,
        text = excluded.text, renewed_by = excluded.renewed_by, updated_at = ${at}
      WHERE NOT ${sends} OR (sends_left > 0 AND next_send_at <= ${at})
      RETURNING id`.compile(db.kysely),
    ...sendStatements(db, {
      tenant,
      messageId,
      which: sql`v.workspace_id = ${workspaceId} AND v.to_hash = ${toHash} AND v.purpose = ${body.purpose}`,
      // With the code that was sent before go the messages of a verification that has made room.
      older: sql`SELECT v.id FROM verification v INDEXED BY verification_to WHERE v.workspace_id = ${workspaceId}
        AND v.to_hash = ${toHash} AND v.purpose = ${body.purpose}
        AND (v.message_id = ${messageId} OR (v.status = 'canceled' AND v.updated_at = ${at}))`,
      at,
      trace,
    }),
    ...storeIdempotencyKey(db, workspaceId, { idempotencyKey, made: idOfDraft(draft), at }),
  ];
}

/** The verification that a draft has made or sent again; selects no row when neither happened. */
export const idOfDraft = ({
  messageId,
  destination: { workspaceId, toHash },
}: Pick<Draft, "messageId" | "destination">) =>
  sql<{ id: string }>`SELECT id FROM verification WHERE workspace_id = ${workspaceId} AND to_hash = ${toHash}
    AND renewed_by = ${messageId}`;
