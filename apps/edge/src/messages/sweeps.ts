import { type RawBuilder, sql } from "kysely";
import { deleteOldest } from "../retention.ts";
import type { Services } from "../services.ts";

const isOver = (isOfKind: RawBuilder<unknown>) => sql<boolean>`${isOfKind} AND t.status NOT IN ('queued', 'sending')`;

/** Deletes old messages: codes after the time for verifications, other messages after their own time. */
export const sweepMessages = (services: Services) => {
  const shared = { table: "message", idPrefix: "msg", mostDays: 90 } as const;
  return [
    deleteOldest(services, {
      ...shared,
      name: "verifications",
      usualDays: 7,
      when: isOver(sql`t.verification_id IS NOT NULL`),
    }),
    deleteOldest(services, {
      ...shared,
      name: "messages",
      usualDays: 30,
      when: isOver(sql`t.verification_id IS NULL`),
    }),
  ];
};
