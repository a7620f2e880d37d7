import { AppError } from "@sandi/contracts";
import type { Tenant } from "../auth/tenant.ts";
import type { Db } from "../db/schema.ts";
import type { Route } from "../sessions/pick.ts";
import { selectMessage } from "./repository.ts";

interface Asked {
  quotedMessageId: string;
  route: Route;
  /** The hashes of the recipient's number, in each of its spellings. */
  recipient: string[];
}

/**
 * The route of a reply: the session of the quoted message, because no other account has that chat. Throws when the quoted
 * message is in another chat: a quote shows its content.
 */
export async function replyRoute(db: Db, tenant: Tenant, { quotedMessageId, route, recipient }: Asked): Promise<Route> {
  const quoted = await selectMessage(db, tenant, quotedMessageId).select("toHash").executeTakeFirst();
  if (!quoted) throw refusal("message-not-found", "is not a message of this workspace");
  if (!recipient.includes(quoted.toHash)) throw refusal("invalid-request", "is a message to somebody else");
  // The sandbox needs no session.
  if (quoted.sessionId === "") return route;
  const { sessionId = quoted.sessionId } = route;
  if (sessionId !== quoted.sessionId) throw refusal("invalid-request", "is a message of another session");
  return { sessionId };
}

const refusal = (code: "message-not-found" | "invalid-request", message: string) =>
  new AppError(code, { errors: [{ pointer: "/quotedMessageId", message }] });
