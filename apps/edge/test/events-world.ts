import {
  createId,
  type Event,
  type EventContent,
  type EventType,
  eventRegistry,
  type Scope,
  scopes as allScopes,
} from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { expect } from "vitest";
import { presentEvents } from "../src/feed/present-events.ts";
import type { Edge } from "./harness.ts";
import { connectorOf, recipient } from "./senders.ts";

const tail = (n: number) => `01jd3k9v7hq2w8x5n4b6m0c1t${n}`;
/** A person who writes, their chat and a message of theirs. */
export const chatId = `cht_${tail(0)}`;
export const otherChatId = `cht_${tail(1)}`;
export const personId = `per_${tail(0)}`;
export const messageId = `msg_${tail(0)}`;
export const person = { id: personId, phone: recipient, lid: "1@lid", username: null, name: "Siti" };
export const without = (...left: Scope[]) => allScopes.filter((scope) => !left.includes(scope));

/** All events as a reader sees them, oldest first. Each has the shape of its type and nothing more. */
export async function shownEvents(
  edge: Edge,
  { scopes = allScopes, test = 0 }: { scopes?: readonly Scope[]; test?: 0 | 1 } = {},
): Promise<Event[]> {
  const { services, workspace } = edge;
  const rows = await services.db.kysely
    .selectFrom("event")
    .selectAll()
    .where("workspaceId", "=", workspace.id)
    .where("test", "=", test)
    .orderBy("seq")
    .execute();
  const events = await presentEvents(services, { workspaceId: workspace.id, scopes: new Set(scopes) }, rows);
  for (const event of events) expect(eventRegistry.get(event.type as EventType)!.schema.parse(event)).toEqual(event);
  return events;
}

/** The newest event of a type. */
export async function shownEvent(edge: Edge, type: EventType, reader: Parameters<typeof shownEvents>[1] = {}) {
  const event = (await shownEvents(edge, reader)).findLast((each) => each.type === type);
  if (!event) throw new Error(`there is no event ${type}`);
  return event;
}

/** Somebody writes a message. @param more of the event's `message` */
export const receive = (edge: Edge, sessionId: string, more: object = {}, content?: EventContent["message"]) => {
  const flags = { isViewOnce: false, isOffline: false };
  const about = { messageId, chatId, chatKind: "person", personId, origin: null, to: null, type: "text", ...flags };
  const message = { ...about, ...more };
  return connectorOf(edge).report(sessionId, "message.received", {
    id: createId("evt", edge.services.now(), webRandom(10)),
    from: recipient,
    token: null,
    isForwarded: false,
    message,
    ...(content && { content: { message: content } }),
  });
};
