import { z } from "zod";
import { ListSessionEvents, SessionEventList, SessionHealth, SessionId } from "@sandi/contracts";
import { ok, page } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { getSessionHealth } from "./get-session-health.ts";
import { historyOf } from "./history.ts";

const byId = z.object({ id: SessionId });

export const historyOperations: readonly Operation[] = [
  operation({
    id: "getSessionHealth",
    method: "get",
    path: "/v1/sessions/{id}/health",
    scope: "session:manage",
    live: true,
    summary: "Get a session's health",
    description:
      "Its state, limits, queue and last hour, and its score with the parts of the score. `live` comes from its connector now. Only keys with `lookup:read` see messages that failed because the number has no account. For other keys they count as sent.",
    params: byId,
    answers: ok(SessionHealth, "The current health."),
    handle: (ctx, { params }) => getSessionHealth(ctx, params.id),
  }),
  operation({
    id: "listSessionEvents",
    method: "get",
    path: "/v1/sessions/{id}/events",
    scope: "session:manage",
    live: true,
    summary: "List a session's events",
    description:
      "Its states with their reasons, linked and unlinked accounts, changes of its limits and its proxy, and chats that proved to be one. Newest first, for 30 days.",
    params: byId,
    query: ListSessionEvents,
    answers: page(SessionEventList, "events"),
    handle: ({ services, actor }, { params, query }) =>
      historyOf(services, actor.workspaceId, { ...query, id: params.id }),
  }),
];
