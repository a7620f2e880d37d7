import { z } from "zod";
import { EventId, MessageId, SessionId, VerificationId } from "../ids.ts";
import { Timestamp, writtenNumber } from "./common.ts";
import { Country } from "./policy.ts";
import { Purpose, Verification, VerificationStatus } from "./verifications.ts";

const nextPage =
  "The `cursor` of the next page; null on the last page. A page looks at 5,000 verifications at most: with a filter that few match, it may have fewer items than `limit`, or none, and still a next page.";

export const VerificationList = z
  .object({
    verifications: z.array(Verification).max(100),
    nextCursor: z.string().max(64).nullable().meta({ description: nextPage }),
  })
  .meta({ id: "VerificationList" });

export type VerificationList = z.infer<typeof VerificationList>;

const filters = {
  status: VerificationStatus.optional().meta({ description: "Only verifications with this status." }),
  purpose: Purpose.optional(),
  mode: z.enum(["push", "inbound"]).optional().meta({ description: "Only verifications with this mode." }),
  country: Country.optional(),
  sessionId: SessionId.optional(),
  createdAfter: Timestamp.optional().meta({ description: "Created later than this." }),
  createdBefore: Timestamp.optional().meta({ description: "Created earlier than this." }),
  cursor: VerificationId.optional().meta({ description: "`nextCursor` of the previous page." }),
};
const isTest = { description: "Made with a test key, or not." };
const limit = { description: "At most this many on a page." };

export const ListVerifications = z.object({
  ...filters,
  test: z.enum(["true", "false"]).optional().meta(isTest),
  limit: z.coerce.number().int().min(1).max(100).default(20).meta(limit),
});
export type ListVerifications = z.infer<typeof ListVerifications>;

export const SearchVerifications = z
  .strictObject({
    ...filters,
    to: writtenNumber("The number to verify").optional().meta({ description: "Only verifications of this number." }),
    test: z.boolean().optional().meta(isTest),
    limit: z.int().min(1).max(100).default(20).meta(limit),
  })
  .meta({ id: "SearchVerifications", description: "The filters of the list, and a number." });
export type SearchVerifications = z.infer<typeof SearchVerifications>;

export const TimelineEvent = z
  .object({
    id: EventId,
    type: z.string().max(64).meta({
      description: "A past fact: `verification.created`, `message.sent`, `verification.approved` …",
      example: "message.sent",
    }),
    at: Timestamp,
    messageId: MessageId.nullable(),
    sessionId: SessionId.nullable(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "TimelineEvent" });

export const Timeline = z.object({ events: z.array(TimelineEvent).max(500) }).meta({ id: "Timeline" });
