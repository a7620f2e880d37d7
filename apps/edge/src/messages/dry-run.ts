import type { CreateMessage, MessageDryRun } from "@sandi/contracts";
import { sql } from "kysely";
import { tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { firstOf, pickedOf } from "./admission.ts";
import { checkFile } from "./attach-media.ts";
import { requireAudience } from "./audience.ts";
import { type RecipientCounts, selectCounts, standingsOf } from "./recipient-limits.ts";
import type { Recipient } from "./recipient.ts";
import { askedOf, refusalOf, rulesOf } from "./refusal.ts";
import { refusalInSandbox } from "./sandbox.ts";
import { timeOf } from "./schedule.ts";
import { senderOf } from "./sender-of.ts";

/** Answers what would become of a message, by the rules that would decide it. It only reads. */
export async function dryRunMessage(
  ctx: Context,
  { body, recipient }: { body: CreateMessage; recipient: Recipient },
): Promise<MessageDryRun> {
  const { services, actor } = ctx;
  const { db } = services;
  const at = services.now().getTime();
  const tenant = tenantOf(actor);
  const { workspaceId } = tenant;
  const sender = senderOf(tenant);
  const sendAt = timeOf(body.sendAt, at);
  const { sessionId, poolId, quotedMessageId } = body;
  const asked = await askedOf(ctx, { tenant, recipient, route: { sessionId, poolId }, quotedMessageId, at });
  const { route, toHash } = asked;
  await requireAudience(ctx, body.audience);
  await checkFile(ctx, body);
  const picked = pickedOf(sender.pick({ workspaceId, route, toHash, at }));
  const rules = rulesOf(asked, { isCounted: sendAt === null });
  const { decided, counted } = await db.read({
    decided: sql<{
      id: string;
      verdict: string | null;
    }>`SELECT p.id, ${firstOf(rules)} AS verdict FROM ${picked} p`.compile(db.kysely),
    counted: selectCounts(db, { workspaceId, toHash }),
  });
  const counts = counted.rows[0]?.counts;
  const standings = sender.isLimited
    ? standingsOf(counts === undefined ? undefined : (JSON.parse(counts) as RecipientCounts), {
        policy: actor.policy,
        at,
      })
    : [];
  const limits = standings.map(({ name, quota, remaining, resetAt }) => ({ name, quota, remaining, resetAt }));
  const verdict = decided.rows[0]?.verdict;
  const refusal =
    refusalInSandbox(recipient.phone?.magic) ??
    (verdict === null ? undefined : await refusalOf(services, verdict, asked));
  if (refusal) {
    const { detail = refusal.message, retryAfter = null } = refusal.extras;
    return { wouldSend: false, sessionId: null, limits, refusal: { code: refusal.code, detail, retryAfter } };
  }
  return { wouldSend: true, sessionId: sessionOf(route.sessionId ?? decided.rows[0]?.id), limits, refusal: null };
}

const sessionOf = (id: string | undefined) => (id === undefined || id === "" ? null : id);
