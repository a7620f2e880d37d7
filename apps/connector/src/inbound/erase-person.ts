import { canonicalNumber, type ErasePersonRpc, spellingsOf, personIdOf } from "@sandi/contracts";
import type { z } from "zod";
import type { WhatsAppSocket } from "../baileys/socket.ts";
import { isLid } from "../content/jids.ts";
import type { Deliveries } from "../deliveries/deliveries.ts";
import type { KnownNumbers } from "../numbers/known-numbers.ts";
import type { Services } from "../services.ts";
import type { Chats } from "../store/chats.ts";
import type { Conversations } from "../store/conversations.ts";
import { deleteChats, deleteEventsOf, deleteMessagesOf, findChatsOf, strikeSends } from "../store/erase-person.ts";
import type { Erased } from "../store/erased.ts";
import type { Fence } from "../store/fence.ts";
import type { OpenIdentities } from "../store/identities.ts";
import type { InboundContext } from "./context.ts";
import type { Receiver } from "./receive-message.ts";

type Request = z.output<typeof ErasePersonRpc.request>;
type Answer = z.output<typeof ErasePersonRpc.response>;

/** Deletes what a session has of a person, some of it at each call. Rejects with `LeaseLost`. */
export type ErasePerson = (
  session: { fence: Fence; workspaceId: string; socket: Pick<WhatsAppSocket, "lidOf"> | null },
  request: Request,
) => Promise<Answer>;

export interface EraseOptions extends Pick<InboundContext, "store" | "atRest" | "pseudonym"> {
  services: Pick<Services, "now">;
  chats: Pick<Chats, "forget">;
  conversations: Pick<Conversations, "forget">;
  deliveries: Pick<Deliveries, "forget">;
  erased: Pick<Erased, "statements" | "remember">;
  knownNumbers: Pick<KnownNumbers, "forget">;
  openIdentities: OpenIdentities;
  receiver: Pick<Receiver, "settled">;
  /** Delivers the outbox to the edge, as far as possible. */
  flush: (timeoutMs: number) => Promise<unknown>;
}

/** One transaction deletes so many messages. */
const chunk = 200;
/** The edge waits five seconds for an answer. */
const workMs = 2_000;
const flushMs = 1_000;
/** A send that has not ended after this time has ended with its connector. */
const stuckMs = 3_600_000;

export function createEraser(options: EraseOptions): ErasePerson {
  const { services, store, atRest: atRestOf, pseudonym, erased } = options;

  return async ({ fence, workspaceId, socket }, request) => {
    const { sessionId } = fence;
    const startedAt = services.now();
    const atRest = atRestOf(sessionId);
    const identities = options.openIdentities(workspaceId);
    const person = await personOf(request, { socket, identities, find: (named) => find(named) });
    const { jids, ids } = person;
    // First of all: what arrives from now on is of a new contact, and what was written before does not come back.
    await store.writer.write(erased.statements(workspaceId, jids, startedAt));
    erased.remember();
    await options.receiver.settled(sessionId);
    await options.flush(flushMs);

    const personIds = ids.map(personIdOf);
    const found = { messages: 0, marks: 0, mediaIds: [] as string[] };
    let hasMore = true;
    while (hasMore && services.now().getTime() - startedAt.getTime() < workMs) {
      const some = await deleteMessagesOf(store, fence, { ids, limit: chunk });
      found.messages += some.messages;
      found.marks += some.marks;
      found.mediaIds.push(...some.mediaIds);
      hasMore = some.messages > 0;
    }
    const people = jids.map(pseudonym);
    const at = { requested: new Date(request.requestedAt), stuck: new Date(startedAt.getTime() - stuckMs) };
    const { struck, isAnyRunning } = await strikeSends(store, fence, { people, ids, at });
    options.deliveries.forget(sessionId, struck);
    const digits = jids.flatMap((jid) => /^(\d+)@s\.whatsapp\.net$/.exec(jid)?.[1] ?? []);
    const numbers = await options.knownNumbers.forget(workspaceId, digits);
    await identities.forget(jids);
    // The chats are deleted last: until then a repetition finds everything by them.
    const gone = hasMore ? { chats: 0, marks: 0 } : await deleteChats(store, fence, { ids, people });
    options.conversations.forget(sessionId);
    options.chats.forget(sessionId);
    await deleteEventsOf(store, { fence, atRest }, { ids, personIds });
    return {
      phones: person.phones,
      lids: person.lids,
      chatIds: ids,
      isDone: !hasMore && !isAnyRunning,
      erasedAt: startedAt.toISOString(),
      mediaIds: [...new Set(found.mediaIds)],
      chats: gone.chats,
      messages: found.messages,
      marks: found.marks + gone.marks,
      sends: struck.length,
      numbers,
    };

    function find(named: { ids: string[]; jids: string[] }) {
      return findChatsOf(store, { sessionId, atRest, pseudonym }, named);
    }
  };
}

interface Sources {
  socket: Pick<WhatsAppSocket, "lidOf"> | null;
  identities: ReturnType<OpenIdentities>;
  find: (named: { ids: string[]; jids: string[] }) => ReturnType<typeof findChatsOf>;
}

/** All names of the person that can be found out, each of which may lead to others. */
async function personOf({ phones, lids, chatIds }: Request, { socket, identities, find }: Sources) {
  const jids = new Set([...phones.flatMap(jidsOfPhone), ...lids]);
  const ids = new Set(chatIds);
  for (let known = -1; known !== jids.size + ids.size;) {
    known = jids.size + ids.size;
    const chats = await find({ ids: [...ids], jids: [...jids] });
    for (const id of chats.ids) ids.add(id);
    for (const id of chats.groups) ids.delete(id);
    for (const { pn, lid } of chats.names) {
      if (pn !== null) for (const jid of jidsOfPhone(`+${pn.split("@")[0]}`)) jids.add(jid);
      if (lid !== null) jids.add(lid);
    }
    const others = await Promise.all(Array.from(jids, (jid) => otherOf(jid)));
    for (const other of others) {
      if (other === null) continue;
      for (const each of isLid(other) ? [other] : jidsOfPhone(`+${other.split("@")[0]}`)) jids.add(each);
    }
  }
  const all = [...jids];
  return {
    jids: all,
    ids: [...ids],
    lids: all.filter(isLid),
    phones: [...new Set(all.filter((jid) => !isLid(jid)).map((jid) => canonicalNumber(`+${jid.split("@")[0]}`)))],
  };

  async function otherOf(jid: string): Promise<string | null> {
    return isLid(jid) ? identities.pnOf(jid) : ((await socket?.lidOf(jid)) ?? null);
  }
}

/** WhatsApp may know a number under any of its spellings. */
const jidsOfPhone = (phone: string) =>
  [phone, ...spellingsOf(phone)].map((one) => `${one.replace("+", "")}@s.whatsapp.net`);
