import { type Event, type EventChat, type EventType, eventRegistry } from "@sandi/contracts";
import { toBatch } from "../batches/present.ts";
import { type ShownEvent, shownEvent } from "../messages/shown-events.ts";
import type { Services } from "../services.ts";
import { iso } from "../time.ts";
import { changeOf } from "./change-of.ts";
import type { FeedRow } from "./feed-rows.ts";
import { presentMessage } from "./present-message.ts";
import { batchIdOf, readResources, type Resources } from "./read-resources.ts";
import type { EventReader } from "./reader.ts";
import { sessionAsOf } from "./session-as-of.ts";
import { verificationAsOf } from "./verification-as-of.ts";

/**
 * The events as this reader sees them, in the order of the rows. Events that the reader may not see are left out. However
 * many rows there are, they cost one round trip to the database.
 */
export async function presentEvents(
  services: Services,
  reader: EventReader,
  rows: readonly FeedRow[],
): Promise<Event[]> {
  if (rows.length === 0) return [];
  const resources = await readResources(services, reader, rows);
  const events = await Promise.all(
    rows.map(async (row) => {
      try {
        return (await presentRow(services, resources, { row, reader })) ?? [];
      } catch (error) {
        // Readers go on by position, so one event would hold up all that follow.
        services.log(`event ${row.id} cannot be shown`, error);
        return [];
      }
    }),
  );
  return events.flat();
}

/** The same for one event; undefined: the reader may not see it. Throws if it cannot be shown. */
export async function presentEvent(services: Services, reader: EventReader, row: FeedRow): Promise<Event | undefined> {
  return presentRow(services, await readResources(services, reader, [row]), { row, reader });
}

async function presentRow(
  services: Services,
  resources: Resources,
  { row, reader }: Omit<Fact, "shown">,
): Promise<Event | undefined> {
  const verification = resources.verifications.get(row.verificationId ?? "");
  const shown = shownEvent(row, { ...reader, isUnreachable: verification?.isUnreachable === 1 });
  if (!shown) return undefined;
  // An edge of another version may have written types that this one does not know.
  if (!eventRegistry.has(shown.type as EventType)) throw new TypeError("the type is not known");
  return envelope(services, resources, { row, shown, reader });
}

interface Fact {
  row: FeedRow;
  shown: ShownEvent;
  reader: EventReader;
}

async function envelope(services: Services, resources: Resources, fact: Fact): Promise<Event> {
  const { row, shown } = fact;
  const { data, ...more } = await resourceOf(services, resources, fact);
  return {
    id: row.id,
    type: shown.type,
    workspaceId: row.workspaceId,
    sessionId: row.sessionId === "" ? null : row.sessionId,
    chatId: null,
    messageId: row.messageId,
    verificationId: row.verificationId,
    sequence: row.seq,
    at: iso(row.at),
    isOffline: false,
    isTest: row.test === 1,
    ...more,
    data,
    change: await changeOf(services, resources, fact),
  };
}

type Presented = Pick<Event, "data"> & Partial<Pick<Event, "chatId" | "isOffline">>;

/** The resource as of the event, and what the envelope has of it. */
async function resourceOf(
  services: Services,
  resources: Resources,
  { row, shown: { type, data }, reader: { scopes } }: Fact,
): Promise<Presented> {
  const { messages, verifications, changes, sessions, batches } = resources;
  const family = type.slice(0, type.indexOf("."));
  if (family === "message" || family === "poll") {
    const message = messages.get(row.messageId ?? "");
    if (!message) return { data: null };
    const { id, at, sessionId } = row;
    const shown = await presentMessage(services, resources, { id, at, sessionId, type, data, row: message, scopes });
    const isOffline = type === "message.received" && shown.isOffline;
    return { data: shown, chatId: shown.chatId, isOffline };
  }
  if (family === "verification") {
    const verification = verifications.get(row.verificationId ?? "");
    if (!verification) return { data: null };
    const about = { message: messages.get(row.messageId ?? ""), changes: changes.get(verification.id) ?? [] };
    return { data: verificationAsOf(verification, { ...row, ...about, type }, scopes) };
  }
  const session = sessions.get(row.sessionId ?? "");
  if (family === "session") {
    return { data: session ? sessionAsOf(session, row, scopes.has("message:read")) : null };
  }
  if (family === "chat") {
    const chatId = String(data["chatId"]);
    return { data: session ? ({ id: chatId, kind: "person" } satisfies EventChat) : null, chatId };
  }
  const batch = batches.get(batchIdOf(row) ?? "");
  return { data: batch ? toBatch(batch) : null };
}
