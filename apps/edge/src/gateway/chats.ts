import { GetPersonRpc, ListChatsRpc } from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { gateway } from "./gateway.ts";

/** Whom a session's account writes with. */
export const chats: Feature = {
  tag: {
    name: "Chats",
    description: "The chats of a session's account, and the people in them, as its connector keeps them.",
  },
  notFound: "person-not-found",
  operations: [
    gateway(ListChatsRpc, {
      id: "listChats",
      method: "get",
      path: "/v1/sessions/{id}/chats",
      scope: "message:read",
      summary: "List a session's chats",
      description:
        "By their latest message, newest first: chats in which the account has received or sent messages since it was linked.",
      answer: "A page of the list.",
    }),
    gateway(GetPersonRpc, {
      id: "getPerson",
      method: "get",
      path: "/v1/sessions/{id}/people/{person}",
      scope: "message:read",
      summary: "Get a person",
      description:
        "The phone number, hidden id (LID) and name of a person, as far as the session knows them. By the person's id or LID: addresses are logged, so they hold no numbers.",
      answer: "The person.",
    }),
  ],
};
