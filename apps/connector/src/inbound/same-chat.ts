import type { Names } from "../store/conversations.ts";
import type { LedgerEntry } from "../store/ledger.ts";
import { type Changing, chatNames } from "./changing.ts";
import type { ChangeContext } from "./context.ts";

/** Whether a change comes from the chat of its message: somebody else may know the id, and be an admin of a group of their own. */
export async function isOfSameChat(
  { conversations, pseudonym }: Pick<ChangeContext, "conversations" | "pseudonym">,
  changing: Changing,
  { sessionId, conversationId, sent }: { sessionId: string; conversationId: string | null; sent: LedgerEntry | null },
): Promise<boolean> {
  // The account's own devices do as they like.
  if (changing.origin !== null) return true;
  const known = conversationId && (await conversations.find(sessionId, [conversationId])).get(conversationId)?.names;
  if (known) return isNamed(known, changing);
  // People react to a story in their own chat.
  return changing.group === null || sent?.chat === pseudonym(changing.group);
}

function isNamed({ pn, lid, group }: Names, changing: Changing): boolean {
  if (group !== null || changing.group !== null) return group === changing.group;
  const names = chatNames(changing);
  if (names.some((name) => name === pn || name === lid)) return true;
  // Two jids of different forms may be one person, which nobody knows yet.
  return !names.some((name) => (name.endsWith("@lid") ? lid : pn) !== null);
}
