import { z } from "zod";
import { writtenRecipient } from "../addresses.ts";
import { contentWith } from "../content/content.ts";
import { MessageStatus } from "../delivery.ts";
import { BatchId, MessageId, PoolId, SessionId } from "../ids.ts";
import { ErrorName } from "../problem.ts";
import { Timestamp, plainName } from "./common.ts";
import { examples } from "./examples.ts";
import { Message, expiresIn, metadata, sendAt } from "./messages.ts";

/** The most recipients of one batch. */
export const mostRecipients = 1_000;

/** The name of a variable: `{{name}}` in a text stands for the recipient's value. */
const variableName = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,39}$/, "must be a letter, then letters, digits or `_`");

const variables = z
  .record(variableName, z.union([z.string().max(4096), z.number()]))
  .refine((all) => Object.keys(all).length <= 50, "must not have more than 50 entries")
  .meta({ description: "The values of `{{name}}` in the message.", example: { name: "Budi", code: "SPRING" } });

const to = writtenRecipient;
const listOf = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(mostRecipients);

export const CreateBatch = z
  .strictObject({
    name: plainName("Your name for the batch.", "Spring offers").optional(),
    sessionId: SessionId.optional().meta({ description: "The only session that may send the messages." }),
    poolId: PoolId.optional().meta({
      description: "The sender pool; its sessions send. Default: the default pool, if no session is given.",
    }),
    message: contentWith({})
      .optional()
      .meta({ description: "What all recipients get. `{{name}}` in its texts is each recipient's variable." }),
    recipients: listOf(z.strictObject({ to, variables: variables.optional(), metadata: metadata.optional() }))
      .optional()
      .meta({ description: "Who gets the `message`." }),
    messages: listOf(contentWith({ to, metadata: metadata.optional() }))
      .optional()
      .meta({ description: "Instead of `message` and `recipients`: a message of its own for each recipient." }),
    dedupe: z.boolean().default(false).meta({
      description: "What happens to a number that occurs again: true leaves it out, false refuses the batch.",
    }),
    sendAt: sendAt.optional().meta({ description: "When the batch begins, at most 90 days ahead. Default: at once." }),
    expiresIn: expiresIn.meta({
      description: "Seconds after which a message of the batch fails with `expired`, counted from when it is queued.",
    }),
    dryRun: z.boolean().optional().meta({
      description: "Answers 200 with what the batch would cost. Stores nothing and uses up no limit.",
    }),
  })
  .refine(({ sessionId, poolId }) => sessionId === undefined || poolId === undefined, {
    path: ["poolId"],
    error: "cannot be given together with a session",
  })
  .refine(({ message, recipients }) => (message === undefined) === (recipients === undefined), {
    path: ["recipients"],
    error: "must be given together with a message",
  })
  .refine(({ recipients, messages }) => (recipients === undefined) !== (messages === undefined), {
    path: ["messages"],
    error: "must be given, or else a message and its recipients",
  })
  .meta({ id: "CreateBatch" });
export type CreateBatch = z.infer<typeof CreateBatch>;

export const BatchStatus = z.enum(["scheduled", "running", "paused", "canceled", "finished"]).meta({
  description: "`finished`: every message of the batch was sent, has failed or was canceled.",
});
export type BatchStatus = z.infer<typeof BatchStatus>;

const summary = {
  id: BatchId,
  name: z.string().max(64).nullable(),
  status: BatchStatus,
  sessionId: SessionId.nullable(),
  poolId: PoolId.nullable(),
  recipients: z.int().min(1).max(mostRecipients).meta({ description: "How many numbers it has." }),
  duplicates: z.int().min(0).max(mostRecipients).meta({ description: "How many were left out (`dedupe`)." }),
  sendAt: Timestamp.nullable().meta({ description: "When it begins; null: at once." }),
  createdAt: Timestamp,
  endedAt: Timestamp.nullable().meta({ description: "When it was finished or canceled." }),
};

const count = z.int().min(0).max(mostRecipients);
/** What people write is in no batch. */
const places = ["waiting", ...MessageStatus.exclude(["received"]).options] as const;

export const Batch = z
  .object({
    ...summary,
    counts: z
      .object(Object.fromEntries(places.map((name) => [name, count])) as Record<(typeof places)[number], typeof count>)
      .meta({
        description:
          "How many recipients have come how far. `waiting`: no message is made yet. `failed` has the refused ones too. While the batch is paused, its `scheduled` messages are held.",
      }),
    refusals: z
      .array(z.object({ code: ErrorName, count, isFinal: z.boolean() }))
      .max(100)
      .meta({
        description: "Why no message was made for recipients. `isFinal: false`: they wait and are tried again.",
      }),
  })
  .meta({ id: "Batch", description: "Messages to many recipients.", example: examples.batch });
export type Batch = z.infer<typeof Batch>;

const BatchSummary = z
  .object(summary)
  .meta({ id: "BatchSummary", description: "A batch without its counts.", example: examples.batchSummary });
export type BatchSummary = z.infer<typeof BatchSummary>;

const nextCursor = z.string().max(64).nullable().meta({ description: "The `cursor` of the next page." });
const limit = z.coerce.number().int().min(1).max(100).default(20).meta({ description: "At most this many on a page." });

export const BatchList = z.object({ batches: z.array(BatchSummary).max(100), nextCursor }).meta({ id: "BatchList" });

export const ListBatches = z.object({
  limit,
  cursor: BatchId.optional().meta({ description: "`nextCursor` of the previous page." }),
});

export const BatchMessageList = z
  .object({ messages: z.array(Message).max(100), nextCursor })
  .meta({ id: "BatchMessageList" });

export const ListBatchMessages = z.object({
  limit,
  cursor: MessageId.optional().meta({ description: "`nextCursor` of the previous page." }),
});

/** What `dryRun` answers. */
export const BatchDryRun = z
  .object({
    recipients: z.int().min(0).max(mostRecipients).meta({ description: "How many numbers the batch would have." }),
    duplicates: z.int().min(0).max(mostRecipients),
    wouldSend: z.int().min(0).max(mostRecipients).meta({ description: "How many of them nothing refuses now." }),
    refused: z
      .array(
        z.object({
          pointer: z.string().max(1024).meta({ description: "The recipient in the request." }),
          code: ErrorName,
          detail: z.string().max(1024),
        }),
      )
      .max(mostRecipients),
    sessions: z
      .array(
        z.object({
          id: SessionId,
          isOnline: z.boolean(),
          messagesPerDay: z.int().min(0).nullable().meta({ description: "By the pacing; null: no limit." }),
          newChatsLeft: z.int().min(0).nullable().meta({
            description: "How many strangers it may still write to in these 24 hours; null: no limit.",
          }),
        }),
      )
      .max(1_000)
      .meta({ description: "The sessions that would send. None in the sandbox." }),
    estimatedSeconds: z.int().min(0).nullable().meta({
      description: "How long it takes by the pacing of the sessions that are online now; null: none is.",
    }),
  })
  .meta({ id: "BatchDryRun", description: "What a batch would cost.", example: examples.batchDryRun });
export type BatchDryRun = z.infer<typeof BatchDryRun>;
