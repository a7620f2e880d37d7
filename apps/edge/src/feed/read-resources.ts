import { type EventContent, Quota } from "@sandi/contracts";
import { sql } from "kysely";
import { selectOfEvents as selectBatches } from "../batches/repository.ts";
import type { Db } from "../db/schema.ts";
import { selectReceivedFiles } from "../media/repository.ts";
import { contentMsOf } from "../messages/received.ts";
import { selectOfEvents as selectMessages } from "../messages/repository.ts";
import type { Services } from "../services.ts";
import { selectSessions } from "../sessions/repository.ts";
import { readPolicy } from "../stored-policy.ts";
import { selectNotedChanges, selectOfEvents as selectVerifications } from "../verifications/repository.ts";
import { openContents, selectContents } from "../messages/event-contents.ts";
import type { FeedRow } from "./feed-rows.ts";
import type { EventReader } from "./reader.ts";

/** What the events of a page are about, by id, as it is stored now. */
export type Resources = Awaited<ReturnType<typeof readResources>>;

/** Reads all rows of a page in one round trip: a statement for each kind of resource that its events name. */
export async function readResources(
  services: Services,
  { workspaceId, scopes }: EventReader,
  rows: readonly FeedRow[],
) {
  const { db, now } = services;
  const at = now().getTime();
  const seesContent = scopes.has("message:read");
  const messageIds = distinct(rows.map(({ messageId }) => messageId));
  const verificationIds = distinct(rows.map(({ verificationId }) => verificationId));
  const sessionIds = distinct(rows.flatMap(({ type, sessionId }) => (isOfSession(type) ? [sessionId] : [])));
  const batchIds = distinct(rows.flatMap((row) => batchIdOf(row) ?? []));
  const withContent = seesContent ? distinct(rows.flatMap(({ type, id }) => (contentTypes.has(type) ? [id] : []))) : [];
  const withFile = seesContent ? rows.flatMap(fileOf) : [];
  const hasReceived = seesContent && rows.some(({ type }) => type === "message.received");
  const found = await db.read({
    messages: some(messageIds, () => selectMessages(db, workspaceId, messageIds)),
    verifications: some(verificationIds, () => selectVerifications(db, workspaceId, verificationIds)),
    changes: some(verificationIds, () => selectNotedChanges(db, workspaceId, verificationIds)),
    sessions: some(sessionIds, () => selectSessions(db, workspaceId, at).where("id", "in", sessionIds)),
    batches: some(batchIds, () => selectBatches(db, workspaceId, { ids: batchIds, viewer: { now: at, scopes } })),
    contents: some(withContent, () => selectContents(db, workspaceId, { ids: withContent, at })),
    files: some(withFile, () => selectReceivedFiles(db, workspaceId, { messages: withFile, at })),
    workspaces: hasReceived ? [selectKept(db, workspaceId)] : [],
  });
  const [kept] = rowsOf(found.workspaces);
  return {
    at,
    messages: byId(rowsOf(found.messages)),
    verifications: byId(rowsOf(found.verifications)),
    changes: Map.groupBy(
      rowsOf(found.changes).toSorted((one, other) => one.seq - other.seq),
      ({ verificationId }) => verificationId,
    ),
    sessions: byId(rowsOf(found.sessions)),
    batches: byId(rowsOf(found.batches)),
    contents: seesContent
      ? await openContents(services, workspaceId, rowsOf(found.contents))
      : new Map<string, EventContent>(),
    files: new Map(rowsOf(found.files).map((file) => [file.messageId, file])),
    /** How long contents are kept, for readers of contents. */
    contentMs: kept && contentMsOf(readPolicy(kept.policy), Quota.parse(JSON.parse(kept.quota))),
  };
}

/** Events whose content the connector reports. */
const contentTypes: ReadonlySet<string> = new Set([
  "message.received",
  "message.edited",
  "message.reaction",
  "message.reply",
  "poll.vote",
]);

const isOfSession = (type: string) => type.startsWith("session.") || type === "chat.merged";

/** The batch of `batch.finished`. */
export const batchIdOf = ({ type, data }: Pick<FeedRow, "type" | "data">): string | undefined =>
  type === "batch.finished" ? (JSON.parse(data) as { batchId: string }).batchId : undefined;

const fileOf = ({ type, sessionId, messageId }: FeedRow) =>
  (type === "message.received" || type === "message.media") && sessionId !== null && messageId !== null
    ? [{ sessionId, messageId }]
    : [];

const selectKept = ({ kysely }: Db, workspaceId: string) =>
  sql<{ policy: string; quota: string }>`SELECT policy, quota FROM workspace WHERE id = ${workspaceId}`.compile(kysely);

/** No statement when there is nothing to look for. */
const some = <Query>(ids: readonly unknown[], query: () => Query): Query[] => (ids.length === 0 ? [] : [query()]);

const rowsOf = <Row>(results: readonly { rows: Row[] }[]): Row[] => results.flatMap(({ rows }) => rows);

const distinct = (ids: readonly (string | null)[]) =>
  [...new Set(ids.filter((id) => id !== null && id !== ""))] as string[];

const byId = <Row extends { id: string }>(rows: readonly Row[]) => new Map(rows.map((row) => [row.id, row]));
