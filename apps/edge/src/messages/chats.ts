import { canonicalNumber } from "@sandi/contracts";
import { type KeyRing, phoneHash } from "@sandi/crypto";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import { formerHashes } from "../access-rules/former-hashes.ts";
import type { Tenant } from "../auth/tenant.ts";
import type { Db } from "../db/schema.ts";
import type { ChatTable } from "../db/tables/messages.ts";
import { chatNow } from "./merge-chats.ts";
import { countryOf, prefixOf } from "../phone.ts";
import { dayMs, sweepSize } from "../retention.ts";

/** A chat of a session, as far as the edge knows it. */
export type KnownChat = Pick<ChatTable, "sessionId" | "toHash" | "country" | "prefix" | "isOpen"> & {
  formerHashes: string[];
};

/** Finds a chat by its id. The sandbox has none. */
export async function findChat(db: Db, { workspaceId, test }: Tenant, id: string): Promise<KnownChat | undefined> {
  if (test === 1) return undefined;
  const row = await db.kysely
    .selectFrom("chat")
    .select(["sessionId", "toHash", "formerHashes", "country", "prefix", "isOpen"])
    .where("id", "=", chatNow(id))
    .where("workspaceId", "=", workspaceId)
    .executeTakeFirst();
  return row && { ...row, formerHashes: JSON.parse(row.formerHashes) as string[] };
}

interface Met {
  id: string;
  workspaceId: string;
  sessionId: string;
  /** E.164; null when it is unknown. */
  number: string | null;
  /** Somebody wrote in the chat itself. */
  isOpen: boolean;
  at: number;
}

/** Stores a chat that a connector named, and the number when it becomes known. */
export async function meetChat({ kysely }: Db, phoneKey: KeyRing, met: Met): Promise<CompiledQuery> {
  const { id, workspaceId, sessionId, isOpen, at } = met;
  const number = met.number === null ? null : canonicalNumber(met.number);
  const [toHash, former] =
    number === null
      ? [null, []]
      : await Promise.all([phoneHash(phoneKey, workspaceId, number), formerHashes(phoneKey, workspaceId, number)]);
  const place = number === null ? ["", ""] : [countryOf(number), prefixOf(number)];
  return sql`INSERT INTO chat (id, workspace_id, session_id, to_hash, former_hashes, country, prefix, is_open, last_at)
    VALUES (${chatNow(id)}, ${workspaceId}, ${sessionId}, ${toHash}, ${JSON.stringify(former)}, ${sql.join(place)}, ${Number(isOpen)}, ${at})
    ${onKnown}`.compile(kysely);
}

/** Stores the chat of a message that was sent. */
export const reachChat = (
  { kysely }: Db,
  { chatId, sessionId, which }: { chatId: string; sessionId: string; which: RawBuilder<boolean> },
): CompiledQuery =>
  sql`INSERT INTO chat (id, workspace_id, session_id, to_hash, former_hashes, country, prefix, is_open, last_at)
    SELECT ${chatNow(chatId)}, workspace_id, ${sessionId}, to_hash, '[]', country, prefix, 1, sent_at FROM message
    WHERE ${which} AND verification_id IS NULL AND test = 0 AND sent_at IS NOT NULL ${onKnown}`.compile(kysely);

const monthMs = 30 * dayMs;
/** After this time without messages the edge forgets a chat. */
const keptMs = 365 * dayMs;

/** Deletes chats in which nobody writes any more. */
export const sweepChats = ({ kysely }: Db, at: number): CompiledQuery =>
  sql`DELETE FROM chat WHERE id IN (SELECT id FROM chat WHERE last_at <= ${at - keptMs} LIMIT ${sweepSize})`.compile(
    kysely,
  );

/** A chat stays with its session. Its first hash of a number stays, too: two numbers are two chats. */
const onKnown = sql`ON CONFLICT (id) DO UPDATE SET to_hash = coalesce(chat.to_hash, excluded.to_hash),
    former_hashes = iif(chat.former_hashes = '[]', excluded.former_hashes, chat.former_hashes),
    country = iif(chat.prefix = '', excluded.country, chat.country),
    prefix = iif(chat.prefix = '', excluded.prefix, chat.prefix), is_open = max(chat.is_open, excluded.is_open),
    last_at = max(chat.last_at, excluded.last_at)
  WHERE chat.session_id = excluded.session_id AND (chat.is_open < excluded.is_open
    OR chat.last_at < excluded.last_at - ${sql.lit(monthMs)}
    OR (chat.to_hash IS NULL AND excluded.to_hash IS NOT NULL) OR (chat.prefix = '' AND excluded.prefix <> ''))`;

/** The session may write in this chat, whatever is left of its new chats. */
export const warmChat = (
  { kysely }: Db,
  { workspaceId, sessionId, toHash, at }: { workspaceId: string; sessionId: string; toHash: string; at: number },
): CompiledQuery =>
  sql`INSERT INTO warm_contact (workspace_id, to_hash, session_id, last_at, reached_at)
    SELECT workspace_id, ${toHash}, id, ${at}, ${at} FROM session WHERE id = ${sessionId} AND workspace_id = ${workspaceId}
    ON CONFLICT DO NOTHING`.compile(kysely);
