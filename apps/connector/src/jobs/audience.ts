import { chatIdOf, type FailureReason } from "@sandi/contracts";
import { isLid } from "../content/jids.ts";
import { exhausted, type LookUpsExhausted } from "../numbers/look-up-budget.ts";
import { NotKnown, type Numbers } from "../numbers/numbers.ts";
import type { Conversations } from "../store/conversations.ts";
import type { OnlineSession } from "./resolve-session.ts";

interface Context {
  numbers: Numbers;
  conversations: Pick<Conversations, "find">;
}

/**
 * The hidden ids of the people who are to see a story. People without an account are left out; without any who has one, or
 * with one whom the session does not know by the given id, the story fails.
 */
export async function findAudience(
  { numbers, conversations }: Context,
  { live, socket }: OnlineSession,
  people: readonly string[],
): Promise<string[] | { failure: FailureReason } | LookUpsExhausted | NotKnown> {
  const { workspaceId } = live;
  const { sessionId } = live.fence;
  const ids = people.filter((person) => person.startsWith("per_")).map(chatIdOf);
  const known = ids.length === 0 ? new Map<string, never>() : await conversations.find(sessionId, ids);
  const named = people.map((person) => {
    const names = known.get(chatIdOf(person))?.names;
    return names ? (names.lid ?? (names.pn && `+${names.pn.split("@")[0]}`)) : person;
  });
  if (named.some((person) => !person || person.startsWith("per_"))) return { failure: "chat_unknown" };
  const given = named.filter((person) => person !== null);
  const digits = given.filter((person) => person.startsWith("+")).map((person) => person.slice(1));
  const asker = { workspaceId, sessionId, purpose: "send", ask: (all: string[]) => socket.lookUp(all) } as const;
  const reached = await numbers.jidsOf(digits, asker).catch(exhausted);
  if (!Array.isArray(reached)) return reached;
  const unknown = reached.find((jid) => jid instanceof NotKnown);
  if (unknown instanceof NotKnown) return unknown;
  const jids = [...given.filter(isLid), ...reached.filter((jid) => typeof jid === "string")];
  const lids = await socket.lidsOf(jids);
  return lids.length > 0 ? lids : { failure: "not_on_whatsapp" };
}
