import { chatIdOf, type ConnectorEvent } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { type CompiledQuery, sql } from "kysely";
import { publishStored } from "../jobs/publish-soon.ts";
import { codeJobs } from "../messages/jobs.ts";
import { newId, type Services } from "../services.ts";
import { receiveStatements, waitingFor } from "../verifications/receive-token.ts";
import { meetChat } from "../messages/chats.ts";
import type { SealedContent } from "../messages/event-contents.ts";
import { insertReceived } from "../messages/received.ts";
import type { Workspace } from "./workspaces-of.ts";

type Received = Extract<ConnectorEvent, { type: "message.received" }>;

/** What is known of the events of a batch. */
interface Known {
  /** By session. */
  workspaces: ReadonlyMap<string, Workspace>;
  contents: ReadonlyMap<ConnectorEvent, SealedContent>;
  at: number;
}

/** The effects of a message that a user wrote to a session. */
interface Consequence {
  sessionId: string;
  /** The id of the answer to a token; null: there is no token. */
  replyId: string | null;
  statements: CompiledQuery[];
  /** How long the session keeps contents; undefined: it has received none. */
  contentMs: number | undefined;
}

/**
 * A user who writes to a session opens a chat with it, so the session may write to the user. A token in the message is
 * matched, unless the message was forwarded. A message without a token becomes a row.
 */
export async function readReceived(
  services: Services,
  events: readonly ConnectorEvent[],
  { workspaces, contents, at }: Known,
): Promise<Map<ConnectorEvent, Consequence>> {
  const received = events.filter((event): event is Received => event.type === "message.received");
  if (received.length === 0) return new Map();
  const consequences = await Promise.all(
    received.map(async (event): Promise<[ConnectorEvent, Consequence] | undefined> => {
      const workspace = workspaces.get(event.sessionId);
      const sealedContent = contents.get(event);
      return workspace && [event, await consequenceOf(services, event, { workspace, sealedContent, at })];
    }),
  );
  return new Map(consequences.filter((each) => each !== undefined));
}

async function consequenceOf(
  services: Services,
  { sessionId, from, token, isForwarded, message, ...event }: Received,
  { workspace, sealedContent, at }: { workspace: Workspace; sealedContent: SealedContent | undefined; at: number },
): Promise<Consequence> {
  const { workspaceId, policy } = workspace;
  const { db, phoneKey, destinationPerDay: perDay, tracer } = services;
  const replyId = newId(services, "msg");
  const attributes = { "sandi.session.id": sessionId, "sandi.workspace.id": workspaceId };
  const span = tracer.start(`event ${event.type}`, { kind: "consumer", attributes });
  const isOfPerson = message === undefined || (message.chatKind === "person" && message.origin === null);
  const toHash = from === null || !isOfPerson ? undefined : await phoneHash(phoneKey, workspaceId, from);
  const statements: CompiledQuery[] = [];
  if (toHash !== undefined) {
    const wroteAt = new Date(event.at).getTime();
    // WhatsApp's message times are whole seconds, `linked_at` is not. A message of the same second counts.
    const isOfAccountBefore = sql`EXISTS (SELECT 1 FROM session WHERE id = ${sessionId}
      AND linked_at - linked_at % 1000 > ${wroteAt})`;
    statements.push(
      sql`INSERT INTO warm_contact (workspace_id, to_hash, session_id, last_at, wrote_at)
        SELECT ${workspaceId}, ${toHash}, ${sessionId}, ${wroteAt}, ${wroteAt}
        WHERE NOT ${isOfAccountBefore}
        ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at),
          wrote_at = max(coalesce(wrote_at, 0), excluded.wrote_at)`.compile(db.kysely),
    );
  }
  if (token !== null && !isForwarded) {
    const id = await waitingFor(services, { token, sessionId });
    const sender = toHash === undefined ? undefined : { toHash };
    const tenant = { workspaceId, test: 0 } as const;
    statements.push(...receiveStatements(db, { id, tenant, sender, policy, perDay, trace: span.context, at }, replyId));
  }
  if (message) {
    const other = message.chatKind === "person" && message.origin !== null ? message.to : from;
    const personHash = toHash ?? (other === null ? null : await phoneHash(phoneKey, workspaceId, other));
    const stored = { ...event, ...message, sessionId, workspaceId, from, isForwarded, personHash, sealedContent };
    statements.push(...insertReceived(db, stored, at));
    const { chatId, chatKind, personId } = message;
    const about = { workspaceId, sessionId, at: new Date(event.at).getTime() };
    const isGroup = chatKind === "group";
    const chat = { ...about, id: chatId, number: isGroup ? null : (from ?? message.to), isOpen: true };
    statements.push(await meetChat(db, phoneKey, chat));
    if (isGroup && personId !== null) {
      const member = { ...about, id: chatIdOf(personId), number: from, isOpen: false };
      statements.push(await meetChat(db, phoneKey, member));
    }
  }
  span.end();
  const contentMs = message ? (workspace.contentMs ?? undefined) : undefined;
  return { sessionId, replyId: token === null ? null : replyId, statements, contentMs };
}

/** Publishes the answers to QStash, in the background of the connector's call. */
export async function publishReplies(services: Services, consequences: readonly Consequence[]): Promise<void> {
  const replyIds = consequences.flatMap(({ replyId }) => replyId ?? []);
  if (replyIds.length > 0) await publishStored(services, codeJobs, replyIds);
}
