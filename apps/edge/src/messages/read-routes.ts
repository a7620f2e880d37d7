import {
  AppError,
  ListMessages,
  Message,
  MessageId,
  MessageList,
  MessageReceipts,
  SearchMessages,
  Timeline,
} from "@sandi/contracts";
import { z } from "zod";
import { tenantOf } from "../auth/tenant.ts";
import { ok, partialPage } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { listMessages } from "./list-messages.ts";
import { toMessage } from "./present.ts";
import { receiptsOf } from "./receipts-of.ts";
import { findMessage } from "./repository.ts";
import { withContent } from "./with-content.ts";
import { messageTimeline } from "./timeline.ts";

const byId = z.object({ id: MessageId });
const readers = ["message:send", "message:read"] as const;

/** URLs are logged, so they must hold no numbers. */
const numberInAddress = new AppError("invalid-request", {
  errors: [{ pointer: "query/to", message: "must be in the body of `POST /v1/messages/search`" }],
});

export const readOperations: readonly Operation[] = [
  operation({
    id: "listMessages",
    method: "get",
    path: "/v1/messages",
    scope: readers,
    summary: "List messages",
    description:
      "Newest first, received messages included. Codes are not among them, and neither are messages with the token of a verification: they belong to their verifications. With `message:read` the contents come from the connectors: a page asks one connector at a time for all messages of a session, for six sessions at most, so list the messages of one session. Messages of other sessions, or of a connector that is away, are `unavailable`. A test key sees the sandbox's messages, a live key the live ones. To search for a number, use `POST /v1/messages/search`.",
    query: ListMessages,
    answers: partialPage(MessageList, "messages"),
    handle: (ctx, { query }, c) => {
      if (c.req.query("to") !== undefined) throw numberInAddress;
      return listMessages(ctx, query);
    },
  }),
  operation({
    id: "searchMessages",
    method: "post",
    path: "/v1/messages/search",
    scope: readers,
    idempotent: "none",
    summary: "Search messages",
    description: "The list with the filters in the body, so that URLs hold no numbers.",
    body: { schema: SearchMessages, example: { to: "+6281234567890" } },
    answers: partialPage(MessageList, "messages"),
    handle: (ctx, { body }) => listMessages(ctx, body),
  }),
  operation({
    id: "getMessage",
    method: "get",
    path: "/v1/messages/{id}",
    scope: readers,
    summary: "Get a message",
    description:
      "Its status, and with `message:read` its content, reactions and votes, which the session's connector keeps. Only keys with `lookup:read` see that a number has no WhatsApp account. For other keys such a message is `sent` and never `delivered`, as for a phone that is off.",
    params: byId,
    answers: ok(Message, "The message."),
    handle: async (ctx, { params }) => {
      const { services, actor } = ctx;
      const at = services.now().getTime();
      const row = await findMessage(services.db, tenantOf(actor), params.id, at);
      if (!row) throw new AppError("message-not-found");
      const [message] = await withContent(ctx, [toMessage(row, { now: at, scopes: actor.scopes })]);
      return message!;
    },
  }),
  operation({
    id: "getMessageTimeline",
    method: "get",
    path: "/v1/messages/{id}/events",
    scope: readers,
    summary: "Get a message's timeline",
    description: "What happened to it, oldest first.",
    params: byId,
    answers: ok(Timeline, "Its events."),
    handle: (ctx, { params }) => messageTimeline(ctx, params.id),
  }),
  operation({
    id: "getMessageReceipts",
    method: "get",
    path: "/v1/messages/{id}/receipts",
    scope: "message:read",
    summary: "Get a message's receipts",
    description:
      "Who has received, read and played a message of the API: the members of a group each, or the one recipient. In a group, the message itself is `delivered`, `read` or `played` when that is true of all who were members when it was sent and have not left. The session's connector keeps the receipts. Messages that somebody wrote on a phone have none.",
    params: byId,
    answers: ok(MessageReceipts, "Its receipts."),
    throws: ["connector-unavailable"],
    handle: (ctx, { params }) => receiptsOf(ctx, params.id),
  }),
];
