import type { Receipt } from "../baileys/receipts.ts";
import { namesIn } from "../content/jids.ts";
import type { Services } from "../services.ts";
import type { Conversations } from "../store/conversations.ts";
import { type Fence, writeFenced } from "../store/fence.ts";
import type { Pseudonym } from "../store/pseudonyms.ts";
import { findOfGroup, leftStatement, type Reached, reachedByAll, receiptStatement } from "../store/receipts.ts";
import type { Store } from "../store/store.ts";
import type { KnownMessage, RecentMessages } from "./recent-messages.ts";

/**
 * The receipts of messages to groups and of stories, each kept for its member or viewer. A message is delivered, read or
 * played when it is so for all of them.
 */
export interface GroupReceipts {
  receipt(fence: Fence, receipt: Receipt & { group: string }): Promise<void>;
  /** A member has left the group. */
  left(fence: Fence, group: string, names: string[]): Promise<void>;
}

interface Options {
  services: Pick<Services, "now">;
  store: Store;
  pseudonym: Pseudonym;
  conversations: Pick<Conversations, "met">;
  recent: Pick<RecentMessages, "find">;
  move: (fence: Fence, waId: string, entry: KnownMessage, to: Reached) => Promise<void>;
}

export function createGroupReceipts(options: Options): GroupReceipts {
  const { services, store, pseudonym, conversations, recent, move } = options;

  async function advance(fence: Fence, waIds: readonly string[]): Promise<void> {
    const reached = await reachedByAll(store, fence.sessionId, waIds);
    const entries = await recent.find(fence.sessionId, [...reached.keys()]);
    await Promise.all([...entries].map(([waId, entry]) => move(fence, waId, entry, reached.get(waId)!)));
  }

  return {
    async receipt(fence, { waIds, kind, from, group }) {
      const chat = pseudonym(group);
      const entries = [...(await recent.find(fence.sessionId, waIds))].filter(([, entry]) => entry.chat === chat);
      if (entries.length === 0) return;
      const { conversation, statements } = await conversations.met(fence, namesIn(from));
      const at = services.now();
      const person = conversation.id;
      const receipts = entries.map(([waId]) => receiptStatement(fence, { waId, person, kind, at }));
      await writeFenced(store, fence, [...statements, ...receipts]);
      const known = entries.map(([waId]) => waId);
      await advance(fence, known);
    },
    async left(fence, group, names) {
      const [member, chat] = [
        await conversations.met(fence, namesIn(names)),
        await conversations.met(fence, { group }),
      ];
      const waIds = await findOfGroup(store, fence.sessionId, chat.conversation.id);
      if (waIds.length === 0) return;
      const about = { group: chat.conversation.id, person: member.conversation.id, at: services.now() };
      await writeFenced(store, fence, [...member.statements, leftStatement(fence, about)]);
      await advance(fence, waIds);
    },
  };
}
