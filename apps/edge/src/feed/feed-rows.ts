import type { Selectable } from "kysely";
import type { EventTable } from "../db/tables/messages.ts";

/** A stored event. */
export type FeedRow = Selectable<EventTable>;
