import { type ConnectorEvent, type EventContent, maxEventContentBytes } from "@sandi/contracts";
import type { AtRest } from "@sandi/crypto";
import type { NewEvent } from "./outbox.ts";
import { sealedColumn } from "./sealed-column.ts";

type Envelope = Pick<ConnectorEvent, "id" | "type" | "sessionId" | "at">;

/** The sealed part of an event's body; the id is the event's. */
export const outboxBody = sealedColumn("outbox", "body");
/** What people wrote; the id is the event's. */
export const outboxContent = sealedColumn("outbox", "sealed_content");

/** Serialises an event about a person: everything but the envelope is sealed. */
export async function sealEvent(atRest: AtRest, { id, type, sessionId, at, ...secret }: NewEvent): Promise<string> {
  const sealed = await outboxBody.seal(atRest, JSON.stringify(secret), id);
  const envelope: Envelope = { id, type, sessionId, at };
  return JSON.stringify({ ...envelope, sealed });
}

/** Seals what people wrote, of an event; null when it is too long to travel with the event. */
export async function sealContent(atRest: AtRest, eventId: string, content: EventContent): Promise<string | null> {
  const text = JSON.stringify(content);
  return Buffer.byteLength(text) > maxEventContentBytes ? null : outboxContent.seal(atRest, text, eventId);
}

/** Reads an event, sealed or not, with its content. Rejects when its key is missing. */
export async function openEvent(
  atRestOf: (sessionId: string) => AtRest,
  body: string,
  content: string | null = null,
): Promise<NewEvent> {
  const { sealed, ...event } = JSON.parse(body) as NewEvent & { sealed?: string };
  const atRest = atRestOf(event.sessionId);
  const opened = sealed === undefined ? {} : (JSON.parse(await outboxBody.open(atRest, sealed, event.id)) as object);
  if (content === null) return { ...event, ...opened };
  const text = await outboxContent.open(atRest, content, event.id);
  return { ...event, ...opened, content: JSON.parse(text) as EventContent } as NewEvent;
}
