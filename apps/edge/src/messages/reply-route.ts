import { AppError } from "@sandi/contracts";
import type { Tenant } from "../auth/tenant.ts";
import type { Db } from "../db/schema.ts";
import type { Route } from "../sessions/pick.ts";
import { findChat } from "./chats.ts";
import { selectMessage } from "./repository.ts";

interface Asked {
  quotedMessageId: string;
  route: Route;
  /** The hashes of the recipient's number, in each of its spellings, or of the address. */
  hashes: string[];
  /** Of an address that is a chat's. */
  chatId?: string | undefined;
  /** The address is a jid, whose chat the edge may not know: then the connector compares the chats. */
  isJid?: boolean;
}

/**
 * The route of a reply: the session of the quoted message, because no other account has that chat. Throws when the quoted
 * message is in another chat: a quote shows its content.
 */
export async function replyRoute(db: Db, tenant: Tenant, asked: Asked): Promise<Route> {
  const { quotedMessageId, route, hashes, chatId, isJid } = asked;
  const quoted = await selectMessage(db, tenant, quotedMessageId).select("toHash").executeTakeFirst();
  if (!quoted) throw refusal("message-not-found", "is not a message of this workspace");
  if (!hashes.includes(quoted.toHash) && (quoted.chatId === null || quoted.chatId !== chatId)) {
    const chat = quoted.chatId === null ? undefined : await findChat(db, tenant, quoted.chatId);
    const isUnknown = isJid && chat !== undefined && chat.toHash === null;
    if (!isUnknown && !hashes.includes(chat?.toHash ?? ""))
      throw refusal("invalid-request", "is a message of another chat");
  }
  // The sandbox needs no session.
  if (quoted.sessionId === "") return route;
  const { sessionId = quoted.sessionId } = route;
  if (sessionId !== quoted.sessionId) throw refusal("invalid-request", "is a message of another session");
  return { sessionId };
}

const refusal = (code: "message-not-found" | "invalid-request", message: string) =>
  new AppError(code, { errors: [{ pointer: "/quotedMessageId", message }] });
