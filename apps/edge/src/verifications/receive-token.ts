import type { Policy } from "@sandi/contracts";
import { tokenMac } from "@sandi/crypto";
import type { TraceContext } from "@sandi/tracing";
import { type RawBuilder, sql } from "kysely";
import { mayBeBlocked } from "../access-rules/match.ts";
import type { Db } from "../db/schema.ts";
import { firstOf, refuseWhen } from "../messages/admission.ts";
import { senderOf } from "../messages/sender-of.ts";
import type { Services } from "../services.ts";
import { approvedBy, isOpen, isUnlocked, messageSuffices } from "./approval.ts";
import { moveVerifications } from "./life.ts";
import { lockRule, sendsRule } from "./rules.ts";
import { sendStatements } from "./send.ts";
import type { Tenant } from "../auth/tenant.ts";

interface Received {
  /** The verification of the token: its id, or SQL. */
  id: string | RawBuilder<unknown>;
  tenant: Tenant;
  /** The sender; undefined if only the hidden id (LID) is known. */
  sender: { toHash: string } | undefined;
  policy: Policy;
  /** Codes for one number in a day, over all workspaces. */
  perDay: number;
  trace: TraceContext | undefined;
  at: number;
}

/** A token in a connector's report: its session and its sender. */
export interface TokenMessage {
  sessionId: string;
  token: string;
  sender: { workspaceId: string; toHash: string } | undefined;
  at: number;
}

/**
 * The statements for a user's message. From the expected number it approves the verification (`match`), or the code is
 * sent in answer (`reply`). A sender whose number WhatsApp hides also gets an answer, because the code goes to the expected
 * number. A message from another number changes nothing. A token counts once.
 */
export function receiveStatements(db: Db, received: Received, messageId: string) {
  const { id, tenant, sender, policy, perDay, trace, at } = received;
  const { workspaceId } = tenant;
  const isExpected = sender === undefined ? sql`NOT ${messageSuffices}` : sql`to_hash = ${sender.toHash}`;
  const [toHash, globalHash] = [sql.ref("verification.to_hash"), sql.ref("verification.global_hash")];
  // The answer with the code counts as a send.
  const isBlocked = mayBeBlocked(workspaceId, {
    prefix: sql.ref("verification.prefix"),
    country: sql.ref("verification.country"),
    at,
  });
  const place = { workspaceId, toHash, globalHash, policy, perDay, at };
  const rules = senderOf(tenant).isLimited ? [refuseWhen(isBlocked, "blocked"), lockRule(place), sendsRule(place)] : [];
  return [
    // No messages to cancel: an inbound verification sends no code before the user has written.
    moveVerifications(db, [{ name: "approve", when: messageSuffices }, { name: "receive" }], {
      which: sql`${isOpen({ id, tenant, at })} AND mode = 'inbound' AND received_at IS NULL AND ${isExpected}
        AND ${isUnlocked(at)} AND (${messageSuffices} OR ${firstOf(rules)} IS NULL)`,
      at,
      set: sql`received_at = ${at}, ${approvedBy("inbound", { at, when: messageSuffices })},
        message_id = CASE WHEN ${messageSuffices} THEN message_id ELSE ${messageId} END,
        sends_left = CASE WHEN ${messageSuffices} THEN sends_left ELSE sends_left - 1 END,
        next_send_at = CASE WHEN ${messageSuffices} THEN next_send_at ELSE ${at + 30_000} END`,
    }),
    ...sendStatements(db, {
      tenant,
      messageId,
      which: sql`v.id = (SELECT p.id FROM verification p INDEXED BY verification_one_pending
        WHERE p.workspace_id = ${workspaceId} AND p.status = 'pending' AND p.message_id = ${messageId}
          AND ${sender === undefined ? sql`true` : sql`p.to_hash = ${sender.toHash}`})`,
      at,
      trace,
    }),
  ];
}

/** In SQL the verification that waits for this token on this session, by the token's MAC. */
export async function waitingFor(
  { peppers }: Pick<Services, "peppers">,
  { token, sessionId }: Pick<TokenMessage, "token" | "sessionId">,
) {
  const macs = await tokenMac(peppers, token);
  return sql`(SELECT w.id FROM verification w WHERE w.token_mac IN (${sql.join(macs)}) AND w.session_id = ${sessionId})`;
}
