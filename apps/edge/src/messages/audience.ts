import { AppError, chatIdOf, type CreateMessage, maxFieldErrors } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { sql } from "kysely";
import { type Among, blockedAmong } from "../access-rules/blocked-among.ts";
import { formerHashes } from "../access-rules/former-hashes.ts";
import { hashScope, type Tenant, tenantOf } from "../auth/tenant.ts";
import type { Context } from "../context.ts";
import type { Db } from "../db/schema.ts";
import { countryOf } from "../phone.ts";
import type { KnownChat } from "./chats.ts";
import { senderOf } from "./sender-of.ts";

/** Throws `destination-blocked` if a rule blocks one of the people who are to see a story. Hidden ids match no rule. */
export async function requireAudience(ctx: Context, audience: CreateMessage["audience"]): Promise<void> {
  const { services, actor } = ctx;
  const { db, phoneKey, now } = services;
  const tenant = tenantOf(actor);
  if (!audience || !senderOf(tenant).isLimited) return;
  const scope = hashScope(tenant);
  const chats = await chatsOf(db, tenant, audience.people);
  const recipients = audience.people.flatMap((person, place): (Among & { place: number })[] => {
    if (person.startsWith("+")) {
      const hashes = async () => [
        await phoneHash(phoneKey, scope, person),
        ...(await formerHashes(phoneKey, scope, person)),
      ];
      return [{ place, digits: person.slice(1), country: countryOf(person), hashes }];
    }
    const chat = chats.get(chatIdOf(person));
    if (!chat) return [];
    const { toHash, formerHashes: former, prefix, country } = chat;
    const hashes = [...(toHash === null ? [] : [toHash]), ...(JSON.parse(former) as string[])];
    return [{ place, digits: prefix, country, isShort: prefix !== "", hashes: () => Promise.resolve(hashes) }];
  });
  const { workspaceId } = tenant;
  const blocked = await blockedAmong(db, { workspaceId, recipients, at: now().getTime() });
  if (blocked.length === 0) return;
  const errors = blocked.map((i) => ({
    pointer: `/audience/people/${recipients[i]!.place}`,
    message: "is blocked by a rule",
  }));
  throw new AppError("destination-blocked", { errors: errors.slice(0, maxFieldErrors) });
}

type Row = Pick<KnownChat, "toHash" | "country" | "prefix"> & { id: string; formerHashes: string };

/** The chats of the people who are named by id. */
async function chatsOf(db: Db, { workspaceId }: Tenant, people: readonly string[]): Promise<Map<string, Row>> {
  const ids = people.filter((person) => person.startsWith("per_")).map(chatIdOf);
  if (ids.length === 0) return new Map();
  const { rows } = await db.kysely.executeQuery(
    // A former id leads to the chat.
    sql<Row>`SELECT named.value AS id, to_hash, former_hashes, country, prefix FROM json_each(${JSON.stringify(ids)}) named
      JOIN chat ON chat.id = coalesce((SELECT chat_id FROM chat_alias a WHERE a.id = named.value), named.value)
      WHERE chat.workspace_id = ${workspaceId}`.compile(db.kysely),
  );
  return new Map(rows.map((row) => [row.id, row]));
}
