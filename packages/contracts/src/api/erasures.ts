import { z } from "zod";
import { ErasureId, SessionId } from "../ids.ts";
import { Timestamp } from "./common.ts";
import { examples } from "./examples.ts";

/** Who is to be erased, in the path. */
export const PersonParam = z
  .string()
  .max(40)
  .regex(/^(?:per_[0-9a-hjkmnp-tv-z]{26}|[0-9]{1,20}@lid|[+]?[1-9][0-9]{6,14})$/, "must name a person")
  .meta({
    description:
      "An id (`per_…`), a phone number in E.164 form with or without its `+` (in a path `%2B`), or a hidden id (`…@lid`).",
    example: "per_01jd3k9v7hq2w8x5n4b6m0c1ta",
  });

const count = (description: string) => z.int().min(0).max(2_147_483_647).meta({ description, example: 3 });

/** What an erasure does not reach, each with what to do about it. */
export const notReached = {
  phone: "Messages on the phones of the person, of the account and of others. Delete them there.",
  whatsapp: "What WhatsApp stores of the account and of the person.",
  customer_copies:
    "Copies outside of Sandi: what your systems read from the API, what webhooks have delivered, exported sessions, backups.",
  messages_of_others:
    "Messages of others that name, quote or describe the person, such as contact cards. They belong to their authors.",
  sent_files: "Files that you uploaded for messages. Delete each with `DELETE /v1/media/{id}`.",
  block_rules:
    "Access rules about the number: they keep it from being written to. Delete them with `DELETE /v1/access-rules/{id}`.",
  audit_log: "Entries of the audit log with the masked number, until the end of its retention.",
  stored_answers:
    "Sealed answers of requests with an `Idempotency-Key` that created nothing. They are deleted within 24 hours.",
  encryption_keys:
    "The keys that encrypt the chat with the person's phone, under pseudonyms. Without them a later message could not be read.",
  limits_of_all: "How many codes the number got today over all workspaces, as a hash, for two days.",
} as const;

const ErasedSession = z.object({
  sessionId: SessionId,
  state: z.enum(["waiting", "erased", "unreachable"]).meta({
    description:
      "`waiting`: its connector has not finished yet, or is away. `unreachable`: it was away for 30 days. Request the erasure again when it is back.",
    example: "erased",
  }),
  erasedAt: Timestamp.nullable().meta({
    description:
      "What was written before this time is erased and does not come back. A later message is of a new contact.",
  }),
  messages: count("Messages of the chat, and messages of the person in groups."),
  marks: count("Reactions and votes."),
  sends: count("Records of messages to the person. They stay without the person and the message."),
  numbers: count("What WhatsApp had said about the number."),
});

export const Erasure = z
  .object({
    id: ErasureId,
    state: z.enum(["running", "finished", "incomplete"]).meta({
      description: "`incomplete`: everything is erased but for sessions whose connector was away for 30 days.",
    }),
    requestedAt: Timestamp,
    finishedAt: Timestamp.nullable(),
    report: z.object({
      messages: z.object({
        deleted: count("Received messages, and those that the account's owner wrote on the phone."),
        masked: count("Messages and codes of the API. Their rows stay, as counts, without the person."),
        canceled: count("Messages that were waiting to be sent."),
      }),
      verifications: count("Verifications without the number now. Pending ones are canceled."),
      batchRecipients: count("Recipients of batches without the number now."),
      files: count("Received files that are deleted."),
      storedAnswers: count("Answers that were stored for repeated requests."),
      contacts: count("Known contacts and counts of the number."),
      sessions: z.array(ErasedSession).max(1000),
      notReached: z
        .array(
          z.object({ what: z.enum(Object.keys(notReached) as [keyof typeof notReached]), detail: z.string().max(200) }),
        )
        .max(20)
        .meta({ description: "What the erasure does not reach." }),
    }),
  })
  .meta({ id: "Erasure", example: examples.erasure });
export type Erasure = z.infer<typeof Erasure>;
