import { type Chat, chatIdOf, type GetPersonRpc, type ListChatsRpc, type Person, timeOfId } from "@sandi/contracts";
import type { z } from "zod";
import { isLid } from "../content/jids.ts";
import { conversationPeople, type Names } from "../store/conversations.ts";
import { type ChatRow, findLatestChats } from "../store/latest-chats.ts";
import { type ReadParts, personIn } from "./read-messages.ts";

/** The chats of a session by their latest message, newest first. */
export async function listChats(
  parts: ReadParts,
  { sessionId, kind, cursor, limit }: z.output<typeof ListChatsRpc.request>,
): Promise<z.output<typeof ListChatsRpc.response>> {
  const rows = await findLatestChats(parts.store, sessionId, { kind, before: cursor, limit: limit + 1 });
  const shown = rows.slice(0, limit);
  return {
    chats: await Promise.all(shown.map((row) => toChat(parts, sessionId, row))),
    nextCursor: rows.length > limit ? shown.at(-1)!.latest : null,
  };
}

async function toChat({ atRest }: ReadParts, sessionId: string, { id, sealed, latest }: ChatRow): Promise<Chat> {
  const names = JSON.parse(await conversationPeople.open(atRest(sessionId), sealed, id)) as Names;
  const lastMessageAt = timeOfId(`msg_${latest}`).toISOString();
  if (names.group !== null) return { id, kind: "group", address: names.group, name: null, lastMessageAt };
  const person = personIn({ id, names });
  return { id, kind: "person", address: person.phone ?? person.lid, name: person.name, lastMessageAt };
}

/** A person whom the session knows, by id or by LID; null if it knows no such person. */
export async function findPerson(
  { conversations }: ReadParts,
  { sessionId, person }: z.output<typeof GetPersonRpc.request>,
): Promise<Person | null> {
  const found = isLid(person)
    ? await conversations.byAddress(sessionId, person)
    : await byId(conversations, sessionId, chatIdOf(person));
  return found?.names.group === null ? personIn(found) : null;
}

const byId = async (conversations: ReadParts["conversations"], sessionId: string, id: string) =>
  (await conversations.find(sessionId, [id])).get(id) ?? null;
