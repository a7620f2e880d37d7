import { z } from "zod";
import { ListSessionEvents, SessionEventList, SessionHealth, SessionId } from "@sandi/contracts";
import { ok, page } from "../http/answers.ts";
import { operation, type Operation } from "../http/operation.ts";
import { healthOf } from "./health-of.ts";
import { historyOf } from "./history.ts";

const byId = z.object({ id: SessionId });

export const historyOperations: readonly Operation[] = [
  operation({
    id: "getSessionHealth",
    method: "get",
    path: "/v1/sessions/{id}/health",
    scope: "session:manage",
    live: true,
    summary: "How a session is",
    description:
      "Its state, limits, queue and the last hour, with a score and what it is made of; `live` comes from its connector at this moment. Only keys with `lookup:read` see messages that failed because the number has no account; for others they count as sent.",
    params: byId,
    answers: ok(SessionHealth, "As it is now."),
    handle: (ctx, { params }) => healthOf(ctx, params.id),
  }),
  operation({
    id: "listSessionEvents",
    method: "get",
    path: "/v1/sessions/{id}/events",
    scope: "session:manage",
    live: true,
    summary: "What has happened to a session",
    description:
      "Its states with their reasons, the accounts that were linked and unlinked, and changes of its limits and its proxy, newest first; for 30 days.",
    params: byId,
    query: ListSessionEvents,
    answers: page(SessionEventList, "events"),
    handle: ({ services, actor }, { params, query }) =>
      historyOf(services, actor.workspaceId, { ...query, id: params.id }),
  }),
];
