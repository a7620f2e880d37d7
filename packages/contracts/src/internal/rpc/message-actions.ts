import { z } from "zod";
import { MessageId, SessionId } from "../../ids.ts";
import { defineRpc, ofWhatsApp } from "./rpc.ts";

/** What every action on a message names. The same `actionId` is the same action: nobody sees it twice. */
const aboutAction = { sessionId: SessionId, messageId: MessageId, actionId: z.string().regex(/^[\w-]{16,64}$/) };

/** The errors of every action. */
export const ofAction = ["message-not-kept", "outcome-unknown", ...ofWhatsApp] as const;

/** What all actions share. The connector answers when WhatsApp has acknowledged the action and it is stored. */
const action = {
  response: z.object({ at: z.iso.datetime() }),
  unanswered: "outcome-unknown",
  /** Longer than a connector waits for WhatsApp. */
  timeoutMs: 15_000,
  /** A text of 65,536 characters, in JSON. */
  maxBytes: 512 * 1024,
} as const;

/** Replaces the text of an own message, or the caption of its file. */
export const EditMessageRpc = defineRpc({
  ...action,
  path: "/rpc/messages/edit",
  request: z.strictObject({ ...aboutAction, text: z.string().min(1) }),
  errors: ["message-not-editable", ...ofAction],
});

/** Deletes a message for everyone: an own one, or somebody else's in a group whose admin the account is. */
export const RevokeMessageRpc = defineRpc({
  ...action,
  path: "/rpc/messages/revoke",
  request: z.strictObject(aboutAction),
  errors: ["message-not-deletable", "not-group-admin", ...ofAction],
});

/** Reacts to a message. An empty emoji takes the reaction back. */
export const ReactRpc = defineRpc({
  ...action,
  path: "/rpc/messages/react",
  request: z.strictObject({ ...aboutAction, emoji: z.string().max(64) }),
  errors: ofAction,
});

/** Pins a message in its chat for so long; null ends that. */
export const PinRpc = defineRpc({
  ...action,
  path: "/rpc/messages/pin",
  request: z.strictObject({ ...aboutAction, seconds: z.int().positive().nullable() }),
  errors: ofAction,
});

/** Stars a message for the account alone, on all its devices, or takes the star back. */
export const StarRpc = defineRpc({
  ...action,
  path: "/rpc/messages/star",
  request: z.strictObject({ ...aboutAction, isStarred: z.boolean() }),
  errors: ofAction,
});

/** Deletes a message for the account alone, on all its devices. */
export const DeleteForMeRpc = defineRpc({
  ...action,
  path: "/rpc/messages/delete-for-me",
  request: z.strictObject({ ...aboutAction, sentAt: z.iso.datetime() }),
  errors: ofAction,
});

/** Votes in a poll. No options take the vote back. */
export const VoteRpc = defineRpc({
  ...action,
  path: "/rpc/messages/vote",
  request: z.strictObject({ ...aboutAction, options: z.array(z.string()) }),
  errors: ["not-a-poll", "vote-not-valid", ...ofAction],
});
