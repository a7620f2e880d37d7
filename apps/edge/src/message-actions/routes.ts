import {
  DeleteForMeRpc,
  DeleteMessage,
  Message,
  MessageId,
  Pin,
  PinRpc,
  PollVotes,
  React,
  ReactRpc,
  RevokeMessageRpc,
  StarRpc,
  Vote,
  VoteRpc,
} from "@sandi/contracts";
import { z } from "zod";
import type { Feature } from "../feature.ts";
import { ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { messageActionLimits } from "../rate-limits/named.ts";
import { act, refusalsOfActions } from "./act.ts";
import { changeMessageOperation } from "./edit-route.ts";
import { forwardMessageOperation } from "./forward-route.ts";
import { pollVotes } from "./poll-votes.ts";

/** What all actions share. */
const action = {
  scope: "message:send",
  live: true,
  idempotent: "change",
  limits: messageActionLimits,
  params: z.object({ id: MessageId }),
} as const;

const whatFollows =
  "WhatsApp has acknowledged it when the answer comes, 15 seconds at most. Repeat an answer with `outcome-unknown` under the same `Idempotency-Key`.";

export const messageActions: Feature = {
  tag: { name: "Message actions", description: "What the account does with messages that were sent or received." },
  notFound: "message-not-found",
  operations: [
    changeMessageOperation,
    forwardMessageOperation,
    operation({
      ...action,
      id: "deleteMessage",
      method: "delete",
      path: "/v1/messages/{id}",
      summary: "Delete a message",
      description: `\`for=everyone\` deletes an own message from all phones, or somebody else's in a group whose admin the account is. Phones that were offline for days may keep it. A message that is not sent yet is canceled instead. \`for=me\` deletes any message for the session's account alone: its content is gone, lists leave it out, and others keep it. Deleting again changes nothing. ${whatFollows}`,
      query: DeleteMessage,
      answers: ok(Message, "The deleted message."),
      throws: [...refusalsOfActions, ...RevokeMessageRpc.errors],
      handle: (ctx, { params: { id }, query }, c) =>
        query.for === "me"
          ? act(ctx, c, {
              id,
              rpc: DeleteForMeRpc,
              input: ({ sentAt, createdAt }) => ({ sentAt: sentAt ?? createdAt }),
              isDone: ({ deletedAt }) => deletedAt !== null,
              effect: (_, at) => ({ deletedAt: at }),
            })
          : act(ctx, c, {
              id,
              rpc: RevokeMessageRpc,
              input: {},
              isDone: ({ status }) => status === "revoked",
              effect: (_, at) => ({ status: "revoked", revokedAt: at }),
            }),
    }),
    operation({
      ...action,
      id: "starMessage",
      method: "put",
      path: "/v1/messages/{id}/star",
      summary: "Star a message",
      description: `Stars a message for the session's account alone, on its phone and its other devices. ${whatFollows}`,
      answers: ok(Message, "The message."),
      throws: [...refusalsOfActions, ...StarRpc.errors],
      handle: (ctx, { params: { id } }, c) =>
        act(ctx, c, { id, rpc: StarRpc, input: { isStarred: true }, effect: () => ({ isStarred: true }) }),
    }),
    operation({
      ...action,
      id: "unstarMessage",
      method: "delete",
      path: "/v1/messages/{id}/star",
      summary: "Take a star back",
      description: `Takes the star back; without one, nothing changes. ${whatFollows}`,
      answers: ok(Message, "The message."),
      throws: [...refusalsOfActions, ...StarRpc.errors],
      handle: (ctx, { params: { id } }, c) => act(ctx, c, { id, rpc: StarRpc, input: { isStarred: false } }),
    }),
    operation({
      ...action,
      id: "reactToMessage",
      method: "put",
      path: "/v1/messages/{id}/reaction",
      summary: "React to a message",
      description: `Sets the account's reaction to a message, in place of an earlier one. ${whatFollows}`,
      body: { schema: React, example: { emoji: "👍" } },
      answers: ok(Message, "The message."),
      throws: [...refusalsOfActions, ...ReactRpc.errors],
      handle: (ctx, { params: { id }, body }, c) => act(ctx, c, { id, rpc: ReactRpc, input: body }),
    }),
    operation({
      ...action,
      id: "removeReaction",
      method: "delete",
      path: "/v1/messages/{id}/reaction",
      summary: "Take a reaction back",
      description: `Takes the account's reaction back; without one, nothing changes. ${whatFollows}`,
      answers: ok(Message, "The message."),
      throws: [...refusalsOfActions, ...ReactRpc.errors],
      handle: (ctx, { params: { id } }, c) => act(ctx, c, { id, rpc: ReactRpc, input: { emoji: "" } }),
    }),
    operation({
      ...action,
      id: "pinMessage",
      method: "put",
      path: "/v1/messages/{id}/pin",
      summary: "Pin a message",
      description: `Phones show it above the chat for this time. Groups may allow only admins to pin: then phones ignore it. ${whatFollows}`,
      body: { schema: Pin, example: { seconds: 604_800 } },
      answers: ok(Message, "The message."),
      throws: [...refusalsOfActions, ...PinRpc.errors],
      handle: (ctx, { params: { id }, body }, c) =>
        act(ctx, c, { id, rpc: PinRpc, input: body, effect: () => ({ isPinned: true }) }),
    }),
    operation({
      ...action,
      id: "unpinMessage",
      method: "delete",
      path: "/v1/messages/{id}/pin",
      summary: "Unpin a message",
      description: `Ends the pin of a message; without one, nothing changes. ${whatFollows}`,
      answers: ok(Message, "The message."),
      throws: [...refusalsOfActions, ...PinRpc.errors],
      handle: (ctx, { params: { id } }, c) => act(ctx, c, { id, rpc: PinRpc, input: { seconds: null } }),
    }),
    operation({
      ...action,
      id: "voteInPoll",
      method: "post",
      path: "/v1/messages/{id}/votes",
      summary: "Vote in a poll",
      description: `Votes as the session's account, in place of its earlier vote. ${whatFollows}`,
      body: { schema: Vote, example: { options: ["Morning"] } },
      answers: ok(Message, "The poll."),
      throws: [...refusalsOfActions, ...VoteRpc.errors],
      handle: (ctx, { params: { id }, body }, c) => act(ctx, c, { id, rpc: VoteRpc, input: body }),
    }),
    operation({
      id: "getPollVotes",
      method: "get",
      path: "/v1/messages/{id}/votes",
      scope: "message:read",
      live: true,
      summary: "Get a poll's votes",
      description: "How many people chose each option, and who. The session's connector counts them.",
      params: action.params,
      answers: ok(PollVotes, "The votes."),
      throws: ["not-a-poll", "message-not-kept", "connector-unavailable"],
      handle: (ctx, { params: { id } }) => pollVotes(ctx, id),
    }),
  ],
};
