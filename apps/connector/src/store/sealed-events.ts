import type { ConnectorEvent } from "@sandi/contracts";
import type { AtRest } from "@sandi/crypto";
import type { NewEvent } from "./outbox.ts";
import { sealedColumn } from "./sealed-column.ts";

type Envelope = Pick<ConnectorEvent, "id" | "type" | "sessionId" | "at">;

/** The sealed part of an event's body; the id is the event's. */
export const outboxBody = sealedColumn("outbox", "body");

/** Serialises an event about a person: everything but the envelope is sealed. */
export async function sealEvent(atRest: AtRest, { id, type, sessionId, at, ...secret }: NewEvent): Promise<string> {
  const sealed = await outboxBody.seal(atRest, JSON.stringify(secret), id);
  const envelope: Envelope = { id, type, sessionId, at };
  return JSON.stringify({ ...envelope, sealed });
}

/** Reads an event, sealed or not. Rejects when its key is missing. */
export async function openEvent(atRest: (sessionId: string) => AtRest, body: string): Promise<NewEvent> {
  const { sealed, ...event } = JSON.parse(body) as NewEvent & { sealed?: string };
  if (sealed === undefined) return event;
  const opened = await outboxBody.open(atRest(event.sessionId), sealed, event.id);
  return { ...event, ...(JSON.parse(opened) as object) };
}
