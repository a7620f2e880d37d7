import { GetPersonRpc, ListChatsRpc, ListMessagesRpc } from "@sandi/contracts";
import { findPerson, listChats } from "../inbound/list-chats.ts";
import { listMessages } from "../inbound/list-messages.ts";
import { handle, type HandledRpc } from "./handle.ts";

/** The calls about chats, as the connector's store has them. WhatsApp is not asked. */
export const chatCalls = (parts: Parameters<typeof listMessages>[0]): HandledRpc[] => [
  handle(ListMessagesRpc, ({ input }) => listMessages(parts, input)),
  handle(ListChatsRpc, ({ input }) => listChats(parts, input)),
  handle(GetPersonRpc, async ({ input, refuse }) => {
    const person = await findPerson(parts, input);
    if (!person) throw refuse("person-not-found");
    return person;
  }),
];
