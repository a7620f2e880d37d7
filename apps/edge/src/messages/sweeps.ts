import { type RawBuilder, sql } from "kysely";
import { deleteOldest } from "../retention.ts";
import type { Services } from "../services.ts";

const isOver = (isOfKind: RawBuilder<unknown>) => sql<boolean>`${isOfKind} AND t.status NOT IN ('queued', 'sending')`;

/** Deletes the messages that their workspaces no longer keep: codes go with their verifications, texts by themselves. */
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
