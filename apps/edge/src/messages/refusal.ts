import { AppError, type Policy } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { type RawBuilder, sql } from "kysely";
import { isBlocked, mayBeBlocked, type RuleSubject } from "../access-rules/match.ts";
import { formerHashes } from "../access-rules/former-hashes.ts";
import { hashScope, type Tenant } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import { type Route, selectCandidate } from "../sessions/pick.ts";
import type { Services } from "../services.ts";
import { refuseWhen, type Rule } from "./admission.ts";
import { recipientLimited, recipientRule, type RecipientCounts } from "./recipient-limits.ts";
import { type KeptRecipient, keptPhone, placeOf, type Recipient } from "./recipient.ts";
import { replyRoute } from "./reply-route.ts";
import { senderOf } from "./sender-of.ts";

/** The first rule that refuses a message, with the facts of the refusal. */
type Verdict =
  | ["repeated"]
  | ["blocked"]
  | ["no-sender"]
  | ["no-media"]
  | ["not-retryable"]
  | ["recipient", ...RecipientCounts];

/** What the rules need to know of a message's recipient and route. */
export interface Asked {
  tenant: Tenant;
  route: Route;
  policy: Policy;
  toHash: string;
  subject: RuleSubject;
  /** Of the number of an address, only the first digits are known. */
  hasShortNumber?: boolean;
  /** The account may write in this chat, whatever is left of its new chats. */
  hasChat?: boolean;
  at: number;
}

/** The same of a request, with what the message's row keeps of the recipient. */
export interface AskedOfRequest extends Asked {
  kept: KeptRecipient;
}

interface Request extends Pick<Asked, "tenant" | "route" | "at"> {
  recipient: Recipient;
  /** The message that it replies to. */
  quotedMessageId: string | undefined;
}

/** The facts about a message that a request sends. Throws when it quotes a message that it cannot quote. */
export async function askedOf(
  ctx: Pick<Context, "services" | "actor">,
  { tenant, recipient: { phone, address }, route: given, quotedMessageId, at }: Request,
): Promise<AskedOfRequest> {
  const { actor } = ctx;
  const { db, phoneKey } = ctx.services;
  const { policy } = actor;
  if (address) {
    const {
      chat,
      toHash,
      kept,
      hasChat,
      route: own,
    } = await placeOf(ctx, { tenant, address, route: given, quotedMessageId });
    const { country, prefix } = kept;
    const former = chat?.formerHashes ?? [];
    const subject = {
      workspaceId: tenant.workspaceId,
      toHash,
      formerHashes: former,
      digits: prefix,
      country,
      ip: undefined,
      at,
    };
    return { tenant, route: own, policy, toHash, subject, at, kept, hasChat, hasShortNumber: prefix !== "" };
  }
  const { e164, country } = phone;
  const { workspaceId } = tenant;
  const scope = hashScope(tenant);
  const [toHash, former] = await Promise.all([phoneHash(phoneKey, scope, e164), formerHashes(phoneKey, scope, e164)]);
  const subject = { workspaceId, toHash, formerHashes: former, digits: e164.slice(1), country, ip: undefined, at };
  const hashes = [toHash, ...former];
  const route =
    quotedMessageId === undefined ? given : await replyRoute(db, tenant, { quotedMessageId, route: given, hashes });
  return { tenant, route, policy, toHash, subject, at, kept: keptPhone(phone) };
}

/** The rules of a message, in the order of their refusals. A scheduled message is counted when it is queued. */
export function rulesOf(
  { tenant, policy, toHash, subject, hasShortNumber = false, hasChat = false, at }: Omit<Asked, "route">,
  { isFirst, isCounted = true }: Extra = {},
): Rule[] {
  const { isLimited } = senderOf(tenant);
  const { workspaceId } = tenant;
  const { digits, country } = subject;
  // A rule for a longer prefix may be about it.
  const mayBe = hasShortNumber ? mayBeBlocked(workspaceId, { prefix: digits, country, at }) : undefined;
  return [
    ...(isFirst ? [refuseWhen(sql`NOT ${isFirst}`, "repeated")] : []),
    ...(isLimited
      ? [refuseWhen(mayBe ? sql`(${isBlocked(subject)} OR ${mayBe})` : isBlocked(subject), "blocked")]
      : []),
    refuseWhen(hasChat ? sql`p.id IS NULL` : sql`p.may_write IS NOT 1`, "no-sender"),
    ...(isLimited && isCounted ? [recipientRule({ workspaceId, toHash, policy, at })] : []),
  ];
}

interface Extra {
  /** True in SQL for the first request with an idempotency key. */
  isFirst?: RawBuilder<boolean>;
  isCounted?: boolean;
}

/** What a verdict is answered with. It reads again why no session can send: by now one may be able to. */
export async function refusalOf(
  { db }: Pick<Services, "db">,
  text: string | null | undefined,
  { tenant, route, policy, toHash, at }: Omit<Asked, "subject">,
): Promise<AppError> {
  // The database's answer was lost, and the verdict with it. Nothing was stored.
  if (text === undefined) return new AppError("database-unavailable", { retryAfter: 1 });
  if (text === null) return new AppError("internal-error");
  const [name, ...facts] = JSON.parse(text) as Verdict;
  switch (name) {
    case "blocked":
      return new AppError("destination-blocked");
    case "no-sender": {
      const asked = selectCandidate(db, tenant.workspaceId, { route, toHash, at });
      const { rows } = await db.kysely.executeQuery(asked);
      const refusal = senderOf(tenant).refusalOf(route, rows[0], { opensChat: true });
      return refusal ?? new AppError("no-eligible-session");
    }
    case "no-media":
      return new AppError("media-not-found");
    case "recipient":
      return recipientLimited(facts as RecipientCounts, { policy, at });
    default:
      return new AppError("internal-error", { cause: new Error(`"${name}" is no refusal of a message`) });
  }
}
