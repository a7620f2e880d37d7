import { type Address, AppError, chatIdOf, readAddress } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { sql } from "kysely";
import type { Actor } from "../actor.ts";
import { hashScope, type Tenant } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import { masked, type Phone, prefixOf, readPhone, storedMask } from "../phone.ts";
import { poolOf, type Route } from "../sessions/pick.ts";
import { findChat, type KnownChat } from "./chats.ts";
import { replyRoute } from "./reply-route.ts";

/** Whom a message goes to: a number, or an address of one session. */
export type Recipient = { phone: Phone; address?: undefined } | { phone?: undefined; address: Address };

/** Throws `invalid-request` for a text that is neither. */
export function readRecipient(actor: Actor, text: string, pointer: string): Recipient {
  const address = readAddress(text);
  return address ? { address } : { phone: readPhone(actor, text, pointer) };
}

/** The same where a story is not possible. */
export function readChat(actor: Actor, text: string, pointer: string): Recipient {
  const recipient = readRecipient(actor, text, pointer);
  if (recipient.address?.kind !== "status") return recipient;
  throw new AppError("invalid-request", { errors: [{ pointer, message: "cannot be a story here" }] });
}

/** As it is sealed to the connector. */
export const toOf = ({ phone, address }: Recipient): string => (address ? address.text : phone.e164);

/** What the row of a message keeps of its recipient. */
export interface KeptRecipient {
  masked: string;
  country: string;
  prefix: string;
}

export const keptPhone = ({ masked: shown, country, e164 }: Phone): KeptRecipient => ({
  masked: storedMask(shown),
  country,
  prefix: prefixOf(e164),
});

/** Hidden ids are masked, and the number that is part of the id of an old group. */
export function maskOf({ kind, text }: Address): string {
  if (kind === "lid") return `***${text.slice(-8)}`;
  const [creator = "", rest] = text.split("-");
  return kind === "group" && rest !== undefined ? `${storedMask(masked(`+${creator}`)).slice(1)}-${rest}` : text;
}

/** An address with what the edge knows of it. */
export interface Place {
  route: Route;
  chat: KnownChat | undefined;
  toHash: string;
  kept: KeptRecipient;
  /** Its chat is there already: limits of new chats do not apply. */
  hasChat: boolean;
}

interface Asking {
  tenant: Tenant;
  address: Address;
  route: Route;
  /** The message that is replied to. */
  quotedMessageId: string | undefined;
}

/** Where an address leads. Throws when it does not lead to one session, which the request does not name either. */
export async function placeOf(
  { services: { db, phoneKey } }: Pick<Context, "services">,
  { tenant, address, route, quotedMessageId }: Asking,
): Promise<Place> {
  const { kind, text } = address;
  const isNamed = kind === "chat" || kind === "person";
  const chatId = isNamed ? chatIdOf(text) : undefined;
  const chat = chatId === undefined ? undefined : await findChat(db, tenant, chatId);
  const toHash = chat?.toHash ?? (await phoneHash(phoneKey, hashScope(tenant), chatIdOf(text)));
  const own = chat ? ofChat(chat, route) : route;
  const hashes = [toHash, ...(chat?.formerHashes ?? [])];
  return {
    route:
      quotedMessageId === undefined
        ? await onlyRoute(db, tenant, own)
        : await replyRoute(db, tenant, { quotedMessageId, route: own, hashes, chatId, isJid: !isNamed }),
    chat,
    toHash,
    kept: { masked: maskOf(address), country: chat?.country ?? "", prefix: chat?.prefix ?? "" },
    hasChat: kind === "group" || kind === "status" || chat?.isOpen === 1,
  };
}

/** The session of a chat sends, and no other one can. */
function ofChat({ sessionId: own }: KnownChat, { within, sessionId, poolId }: Route): Route {
  if (poolId !== undefined) {
    throw refusal(within, "poolId", "cannot be given together with a chat, whose session sends");
  }
  if (sessionId !== undefined && sessionId !== own) {
    throw refusal(within, "sessionId", "is not the session of this chat");
  }
  return { sessionId: own };
}

/** The given session, or the only one of the pool. The sandbox needs none. */
async function onlyRoute(db: Db, { workspaceId, test }: Tenant, route: Route): Promise<Route> {
  if (route.sessionId !== undefined || test === 1) return route;
  const { rows } = await db.kysely.executeQuery(
    sql<{ id: string }>`SELECT id FROM session WHERE workspace_id = ${workspaceId}
      AND pool_id = ${poolOf(workspaceId, route)} AND desired <> 'deleted' LIMIT 2`.compile(db.kysely),
  );
  const [only, other] = rows;
  if (only && !other) return { sessionId: only.id };
  throw refusal(
    route.within,
    "sessionId",
    "is required: an address belongs to one session, and it is not known to which",
  );
}

const refusal = (within = "", field: "sessionId" | "poolId", message: string) =>
  new AppError("invalid-request", { errors: [{ pointer: `${within}/${field}`, message }] });
