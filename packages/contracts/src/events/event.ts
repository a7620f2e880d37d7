import { z } from "zod";
import { Timestamp } from "../api/common.ts";
import { ChatId, EventId, MessageId, SessionId, VerificationId, WorkspaceId } from "../ids.ts";

/** What every event has, beside its `type`, `data` and `change`. */
export const envelope = {
  id: EventId.meta({
    description: "The same id is the same fact, however often it arrives. Webhooks carry it as `webhook-id`.",
  }),
  workspaceId: WorkspaceId,
  sessionId: SessionId.nullable(),
  chatId: ChatId.nullable(),
  messageId: MessageId.nullable(),
  verificationId: VerificationId.nullable(),
  sequence: z.int().positive().meta({
    description: "Rises with each event of a session, in the order in which they were stored. There are gaps.",
  }),
  at: Timestamp.meta({ description: "When it happened." }),
  isOffline: z.boolean().meta({ description: "It waited at WhatsApp while the session was offline." }),
  isTest: z.boolean().meta({ description: "It is of the sandbox." }),
};

/** An event of any type. */
export const Event = z.object({
  ...envelope,
  type: z.string().max(64).meta({ description: "A past fact with a dot. Ignore types that you do not know." }),
  data: z.record(z.string(), z.unknown()).nullable().meta({
    description: "The message, verification, session, chat or batch as of the event. Null: it is not stored any more.",
  }),
  change: z.record(z.string(), z.unknown()).meta({ description: "What this event adds to `data`." }),
});
export type Event = z.infer<typeof Event>;
