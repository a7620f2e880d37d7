import { sql } from "kysely";
import { deleteOldest } from "../retention.ts";
import type { Services } from "../services.ts";

/** Deletes old verifications, after the retention time of their workspace. */
export const sweepVerifications = (services: Services) => [
  deleteOldest(services, {
    table: "verification",
    idPrefix: "ver",
    name: "verifications",
    usualDays: 7,
    mostDays: 90,
    when: sql<boolean>`t.status <> 'pending'`,
  }),
];
