import { z } from "zod";
import { ChatKind, ChatList, ListPosition } from "../../api/chats.ts";
import { Timestamp } from "../../api/common.ts";
import { Person } from "../../api/people.ts";
import { ChatId, PersonId, SessionId } from "../../ids.ts";
import { StoredMessage } from "./messages.ts";
import { defineRpc } from "./rpc.ts";

/** A kept message with what its row at the edge says too, in case the edge has none any more, or not yet. */
export const ListedMessage = StoredMessage.extend({
  chatId: ChatId,
  direction: z.enum(["outbound", "inbound"]),
  /** Null: it is inbound, or not known. */
  origin: z.enum(["api", "phone", "device"]).nullable(),
  /** A type of a newer connector is unknown at the edge. */
  type: z.string().min(1).max(32),
  isForwarded: z.boolean(),
  isRevoked: z.boolean(),
  at: Timestamp,
});
export type ListedMessage = z.infer<typeof ListedMessage>;

/**
 * A page of a session's messages, newest first, from its connector's store: received ones, those of the account's owner, and
 * those that were sent through the API; no codes. `isComplete`: false if the page ends because it looked at so many.
 */
export const ListMessagesRpc = defineRpc({
  path: "/rpc/messages/list",
  request: z.strictObject({
    sessionId: SessionId,
    chatId: ChatId.optional(),
    q: z.string().min(1).max(100).optional(),
    direction: z.enum(["outbound", "inbound"]).optional(),
    type: z.string().min(1).max(32).optional(),
    createdAfter: Timestamp.optional(),
    createdBefore: Timestamp.optional(),
    cursor: ListPosition.optional(),
    limit: z.int().min(1).max(100),
  }),
  response: z.object({
    messages: z.array(ListedMessage),
    nextCursor: ListPosition.nullable(),
    isComplete: z.boolean(),
  }),
  errors: [],
  isHarmless: true,
});

/** The chats of a session by their latest message, newest first. */
export const ListChatsRpc = defineRpc({
  path: "/rpc/chats/list",
  request: z.strictObject({
    sessionId: SessionId,
    kind: ChatKind.optional().meta({ description: "Only chats of this kind." }),
    cursor: ListPosition.optional(),
    limit: z.coerce.number().int().min(1).max(100).default(20).meta({ description: "At most this many on a page." }),
  }),
  response: ChatList,
  errors: [],
  isHarmless: true,
});

/** A person whom a session knows, by id or by hidden id (LID). Numbers are not accepted, because addresses are logged. */
export const GetPersonRpc = defineRpc({
  path: "/rpc/people/get",
  request: z.strictObject({
    sessionId: SessionId,
    person: z
      .union([
        PersonId,
        z.string().regex(/^[0-9]{5,20}@lid$/, "must be the id of a person, or an address such as 123@lid"),
      ])
      .meta({
        description: "The person's id, or the hidden id that WhatsApp uses in place of the number.",
        example: "per_01jd3k9v7hq2w8x5n4b6m0c1ta",
      }),
  }),
  response: Person,
  errors: ["person-not-found"],
  isHarmless: true,
});
