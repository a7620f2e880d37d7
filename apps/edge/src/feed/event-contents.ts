import { EventContent } from "@sandi/contracts";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { EventContentTable } from "../db/tables/messages.ts";
import { placeOfContent } from "../messages/event-contents.ts";
import type { Services } from "../services.ts";

/** What is sealed of an event. */
type SealedContent = Pick<EventContentTable, "eventId" | "sealed">;

/** The contents of these events that are kept still. The `+` keeps SQLite from reading all contents of the workspace. */
export const selectContents = (
  db: Db,
  workspaceId: string,
  { ids, at }: { ids: readonly string[]; at: number },
): CompiledQuery<SealedContent> =>
  sql<SealedContent>`SELECT event_id, sealed FROM event_content
    WHERE event_id IN (SELECT value FROM json_each(${JSON.stringify(ids)})) AND +workspace_id = ${workspaceId}
      AND expires_at > ${at}`.compile(db.kysely);

/** Opens contents, by event. One that cannot be opened is left out: the others are shown. */
export async function openContents(
  { atRest, log }: Services,
  workspaceId: string,
  rows: readonly SealedContent[],
): Promise<Map<string, EventContent>> {
  const opened = await Promise.all(
    rows.map(async ({ eventId, sealed }) => {
      try {
        const bytes = await atRest(workspaceId).open(sealed, placeOfContent(eventId));
        return [[eventId, EventContent.parse(JSON.parse(new TextDecoder().decode(bytes)))] as const];
      } catch (cause) {
        log(`the content of event ${eventId} cannot be opened`, cause instanceof Error ? cause.name : undefined);
        return [];
      }
    }),
  );
  return new Map(opened.flat());
}
