import { sealedFor, sealedPayload } from "@sandi/contracts";
import { codeMac, inboundTokens, phoneHash } from "@sandi/crypto";
import { type CompiledQuery, sql } from "kysely";
import { formerHashes } from "../access-rules/former-hashes.ts";
import { hashScope, tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { answersInbound, refuseInSandbox } from "../messages/sandbox.ts";
import { newId } from "../services.ts";
import { textFor } from "../templates/text-for.ts";
import { canonicalBind } from "./bind.ts";
import { createStatements } from "./create-statements.ts";
import { type CreateInput, type Draft, idOfDraft } from "./draft.ts";
import { planVerification } from "./plan.ts";
import { receiveStatements } from "./receive-token.ts";

export interface PreparedDraft extends Draft {
  writes: CompiledQuery[];
}

/** Reads a request and makes the statements that create its verification, or send a pending one again. */
export async function prepareDraft(ctx: Context, input: CreateInput): Promise<PreparedDraft> {
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
  const [toHash, hashes, globalHash, macs, sealedCode, tokens, text] = await Promise.all([
    phoneHash(phoneKey, hashScope(tenant), e164),
    formerHashes(phoneKey, hashScope(tenant), e164),
    phoneHash(phoneKey, hashScope({ ...tenant, workspaceId: "" }), e164),
    codeMac(peppers, { verificationId: id, code: plan.code, bind: bind ?? "" }),
    seal(sealedPayload(e164, { type: "code", code: plan.code }), sealedFor.code(id, tenant.workspaceId)),
    plan.mode === "push" && !plan.mayFallBack ? [] : inboundTokens(peppers, id),
    textFor(ctx, { body, country }),
  ]);
  const draft: Draft = {
    ...input,
    scopes: actor.scopes,
    tenant,
    plan,
    at,
    id,
    messageId: newId(services, "msg"),
    destination: {
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
    },
    trace: ctx.trace,
  };
  const columns = { codeMac: macs[0] ?? null, sealedCode, tokenMac: tokens[0]?.mac ?? null, bind, ...text };
  return { ...draft, writes: [...createStatements(services.db, draft, columns), ...answerStatements(ctx, draft)] };
}

/** The owner of one number of the sandbox writes to us at once. */
function answerStatements({ services }: Context, draft: Draft): CompiledQuery[] {
  const { plan, tenant, destination, trace, at } = draft;
  if (!answersInbound(plan.phone.magic)) return [];
  const { toHash, policy, perDay } = destination;
  const id = sql`(${idOfDraft(draft)})`;
  const received = { id, tenant, sender: { toHash }, policy, perDay, trace, at };
  return receiveStatements(services.db, received, newId(services, "msg"));
}
