import type { ConnectorEvent } from "@sandi/contracts";
import type { AtRest } from "@sandi/crypto";
import type { NewEvent } from "./outbox.ts";

type Envelope = Pick<ConnectorEvent, "id" | "type" | "sessionId" | "at">;

const context = (id: string) => ({ table: "outbox", column: "body", id });
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Serialises an event about a person: everything but the envelope is sealed. */
export async function sealEvent(atRest: AtRest, { id, type, sessionId, at, ...secret }: NewEvent): Promise<string> {
  const sealed = await atRest.seal(encoder.encode(JSON.stringify(secret)), context(id));
  const envelope: Envelope = { id, type, sessionId, at };
  return JSON.stringify({ ...envelope, sealed });
}

/** Reads an event, sealed or not. Rejects when its key is missing. */
export async function openEvent(atRest: (sessionId: string) => AtRest, body: string): Promise<NewEvent> {
  const { sealed, ...event } = JSON.parse(body) as NewEvent & { sealed?: string };
  if (sealed === undefined) return event;
  const opened = await atRest(event.sessionId).open(sealed, context(event.id));
  return { ...event, ...(JSON.parse(decoder.decode(opened)) as object) };
}
