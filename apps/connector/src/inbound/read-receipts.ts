import { chatIdOf, type MessageReceiptsRpc } from "@sandi/contracts";
import type { z } from "zod";
import { findByMessageId } from "../store/ledger.ts";
import { findReceipts } from "../store/receipts.ts";
import type { Store } from "../store/store.ts";
import type { InboundContext } from "./context.ts";
import { toPerson } from "./read-messages.ts";

type Asked = z.output<(typeof MessageReceiptsRpc)["request"]>;
type Answer = z.output<(typeof MessageReceiptsRpc)["response"]>;

/** Who has received a message that was sent through the API. */
export async function readReceipts(
  { store, conversations }: Pick<InboundContext, "conversations"> & { store: Store },
  { sessionId, messageId, chatId }: Asked,
): Promise<Answer> {
  const entry = await findByMessageId(store, messageId);
  const own = entry?.sessionId === sessionId ? entry : null;
  if (!own || (own.members ?? null) === null) {
    const id = chatId ?? own?.conversationId;
    const person = id ? (await conversations.find(sessionId, [chatIdOf(id)])).get(chatIdOf(id)) : undefined;
    return { receipts: null, person: person?.names.group ? null : toPerson(person) };
  }
  const rows = await findReceipts(store, sessionId, own.waId);
  const people = await conversations.find(
    sessionId,
    rows.map(({ person }) => person),
  );
  const receipts = rows.map(({ person, deliveredAt, readAt, playedAt }) => ({
    person: toPerson(people.get(person)),
    deliveredAt: deliveredAt?.toISOString() ?? null,
    readAt: readAt?.toISOString() ?? null,
    playedAt: playedAt?.toISOString() ?? null,
  }));
  return { receipts, person: null };
}
