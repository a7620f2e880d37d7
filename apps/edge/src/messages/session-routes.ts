import {
  AppError,
  holdsPhone,
  ListSessionMessages,
  SearchSessionMessages,
  SessionId,
  SessionMessageList,
} from "@sandi/contracts";
import { z } from "zod";
import { ok } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { listSessionMessages } from "./session-messages.ts";

const list = {
  scope: "message:read",
  live: true,
  params: z.object({ id: SessionId }),
  notFoundOf: { id: "session-not-found" },
  answers: ok(SessionMessageList, "A page of the list."),
  throws: ["session-not-found", "connector-unavailable"],
} as const;

/** URLs are logged, so they must hold no numbers. */
const numberInAddress = new AppError("invalid-request", {
  errors: [
    {
      pointer: "query/q",
      message: "must be in the body of `POST /v1/sessions/{id}/messages/search`, because it holds 7 or more digits",
    },
  ],
});

/** The messages of one session, from its connector. */
export const sessionOperations: readonly Operation[] = [
  operation({
    ...list,
    id: "listSessionMessages",
    method: "get",
    path: "/v1/sessions/{id}/messages",
    summary: "List a session's messages",
    description:
      "With contents, newest first: messages that were received, that the account's owner wrote, and that were sent through the API; no codes. They come from the session's connector, which keeps them as long as the policy says. With `q`, only messages with all these words.",
    query: ListSessionMessages,
    handle: (ctx, { params, query }) => {
      if (query.q !== undefined && holdsPhone(query.q)) throw numberInAddress;
      return listSessionMessages(ctx, params.id, query);
    },
  }),
  operation({
    ...list,
    id: "searchSessionMessages",
    method: "post",
    path: "/v1/sessions/{id}/messages/search",
    idempotent: "none",
    summary: "Search a session's messages",
    description: "The list with the filters in the body, so that URLs hold no numbers.",
    body: { schema: SearchSessionMessages, example: { q: "order A-1042" } },
    handle: (ctx, { params, body }) => listSessionMessages(ctx, params.id, body),
  }),
];
