import { createId, personIdOf } from "@sandi/contracts";
import { type CompiledQuery, type RawBuilder, sql } from "kysely";
import type { EventContentTable } from "../db/tables/messages.ts";
import { idsOf } from "../jobs/append-job.ts";
import { personOf } from "../messages/merge-chats.ts";
import { textJobs } from "../messages/jobs.ts";
import { moveMessages } from "../messages/life.ts";
import { dayMs } from "../retention.ts";
import type { Services } from "../services.ts";
import { cancelMessagesOf, moveVerifications } from "../verifications/life.ts";
import type { OpenErasure, Progress } from "./open-erasure.ts";
import { hashesOf } from "./person.ts";

/** One transaction changes so many rows of a table. */
const chunk = 200;
/** Answers are stored for a day. */
const answersMs = dayMs + 3_600_000;

type Counts = Pick<
  Progress,
  "deleted" | "masked" | "canceled" | "verifications" | "batchRecipients" | "files" | "storedAnswers" | "contacts"
>;

interface Round {
  counts: Counts;
  /** There may be more rows. */
  hasMore: boolean;
  /** A connector is sending a message to the person: its row waits for the end. */
  isSending: boolean;
}

/**
 * Erases some rows of the person. Rows that count something stay without the person; the others are deleted. A message that
 * was made after the request, or written after its session's connector had erased the person, is of a new contact.
 */
export async function eraseRows(services: Services, erasure: OpenErasure): Promise<Round> {
  const { db, now } = services;
  const { workspaceId, names, createdAt: requestedAt, progress } = erasure;
  const at = now().getTime();
  const hashes = idsOf(await hashesOf(services, workspaceId, names));
  const found = await db.read({
    messages: selectMessages(erasure, hashes),
    verifications: sql<{ id: string }>`SELECT id FROM verification INDEXED BY verification_to
      WHERE workspace_id = ${workspaceId} AND to_hash IN (${hashes}) AND created_at <= ${requestedAt} LIMIT ${chunk}`,
    contents: selectContents(erasure),
  });
  const rows = found.messages.rows;
  const verifications = found.verifications.rows.map(({ id }) => id);
  const own = rows.filter(({ isOwn }) => isOwn === 1).map(({ id }) => id);
  const others = rows.filter(({ isOwn }) => isOwn === 0).map(({ id }) => id);
  const isNew = (id: string) => id.slice(4) >= createId("msg", new Date(at - answersMs), new Uint8Array(10)).slice(4);
  const contents = found.contents.rows;
  const answered = [...own, ...verifications].filter(isNew);
  const isOver = sql`status NOT IN ('scheduled', 'queued', 'sending')`;
  const theirs = sql`workspace_id = ${workspaceId} AND to_hash IN (${hashes})`;
  const ofVerifications = sql<boolean>`verification_id IN (${idsOf(verifications)})`;

  const written = await db.write({
    canceled: [
      moveMessages(db, "cancel", { which: sql`id IN (${idsOf(own)})`, at }),
      moveMessages(db, "unschedule", { which: sql`id IN (${idsOf(own)})`, at, set: sql`due_at = NULL` }),
    ],
    targetAnswers: forgetAnswers({
      messages: [...own, ...others],
      verifications,
      events: contents.map(({ eventId }) => eventId),
    }),
    contents: sql`DELETE FROM event_content WHERE message_id IN (${idsOf([...own, ...others])})
      OR event_id IN (${idsOf(contents.map(({ eventId }) => eventId))})`,
    jobs: sql`DELETE FROM job WHERE kind = ${textJobs.name} AND subject_id IN (SELECT id FROM message
      WHERE id IN (${idsOf(own)}) AND status = 'canceled')`,
    ended: moveVerifications(db, "cancel", { which: sql`id IN (${idsOf(verifications)})`, at }),
    endedMessages: cancelMessagesOf(db, idsOf(verifications), at),
    events: [
      sql`UPDATE event SET data = json_remove(data, '$.personId', '$.chatId') WHERE verification_id IS NULL
        AND message_id IN (${idsOf(own)})`,
      sql`UPDATE event SET data = json_remove(data, '$.personId') WHERE verification_id IS NULL
        AND message_id IN (${idsOf(contents.map(({ messageId }) => messageId))})
        AND id IN (${idsOf(contents.map(({ eventId }) => eventId))})`,
    ],
    masked: [
      maskMessages(sql`id IN (${idsOf(own)}) AND ${isOver}`),
      maskMessages(sql`${ofVerifications} AND ${isOver} AND to_hash <> ''`),
    ],
    deletedEvents: sql`DELETE FROM event WHERE verification_id IS NULL AND message_id IN (${idsOf(others)})`,
    files: sql`DELETE FROM media WHERE (session_id, upload_id) IN (SELECT session_id, id FROM message
      WHERE id IN (${idsOf(others)}))`,
    deleted: sql`DELETE FROM message WHERE id IN (${idsOf(others)})`,
    verifications: sql`UPDATE verification SET to_hash = '', to_masked = '', global_hash = '', prefix = '', metadata = '{}',
        bind = NULL, client_binding = NULL
      WHERE id IN (${idsOf(verifications)}) AND status <> 'pending'
        AND NOT EXISTS (SELECT 1 FROM message m WHERE m.verification_id = verification.id AND m.status IN ('queued', 'sending'))`,
    answers:
      answered.length === 0
        ? []
        : [
            sql`UPDATE idempotency SET response = NULL, is_sealed = 0 WHERE workspace_id = ${workspaceId}
              AND response IS NOT NULL AND resource_id IN (${idsOf(answered)})`,
          ],
    recipients: sql`UPDATE batch_item SET state = iif(state = 'waiting', 'canceled', state), sealed = NULL, to_hash = '',
        to_masked = '' WHERE (batch_id, position) IN (SELECT i.batch_id, i.position FROM batch_item i INDEXED BY batch_item_to
        WHERE i.workspace_id = ${workspaceId} AND i.to_hash <> '' AND i.to_hash IN (${hashes})
          AND EXISTS (SELECT 1 FROM batch b WHERE b.id = i.batch_id AND b.created_at <= ${requestedAt}) LIMIT ${chunk})`,
    contacts: [
      // A chat that still has messages is one with the new contact.
      sql`DELETE FROM chat WHERE workspace_id = ${workspaceId} AND id IN (${idsOf(names.chatIds)})
        AND NOT EXISTS (SELECT 1 FROM message m INDEXED BY message_chat WHERE m.chat_id = chat.id)
        AND NOT EXISTS (SELECT 1 FROM message m INDEXED BY message_author WHERE m.person_id = ${personOf(sql`chat.id`)})`,
      sql`DELETE FROM chat_alias WHERE workspace_id = ${workspaceId} AND chat_id IN (${idsOf(names.chatIds)})
        AND NOT EXISTS (SELECT 1 FROM chat WHERE chat.id = chat_alias.chat_id)`,
      sql`DELETE FROM warm_contact WHERE ${theirs} AND last_at <= ${cutOf(progress, requestedAt, sql`warm_contact.session_id`)}`,
      ...(progress.stage === "rows"
        ? [
            sql`DELETE FROM destination_budget WHERE ${theirs}`,
            sql`DELETE FROM destination_send WHERE ${theirs}`,
            sql`DELETE FROM recipient_send WHERE ${theirs}`,
          ]
        : []),
    ],
  });
  const counts = {
    deleted: sum([written.deleted]),
    masked: sum(written.masked),
    canceled: sum([...written.canceled, written.endedMessages]),
    verifications: sum([written.verifications]),
    batchRecipients: sum([written.recipients]),
    files: sum([written.files]),
    storedAnswers: sum(written.answers),
    contacts: sum(written.contacts),
  };
  const hasChanged =
    counts.deleted + counts.masked + counts.verifications + counts.batchRecipients + contents.length > 0;
  const isLeft = rows.length > counts.deleted + counts.masked || verifications.length > counts.verifications;
  return { counts, hasMore: hasChanged, isSending: !hasChanged && isLeft };

  /** Deletes what endpoints answered to events about these: an answer may repeat what it got. */
  function forgetAnswers(about: { messages: string[]; verifications: string[]; events: string[] }): CompiledQuery {
    return sql`UPDATE delivery_attempt SET answer = NULL WHERE answer IS NOT NULL AND delivery_id IN (
        SELECT d.id FROM delivery d WHERE d.event_seq IS NOT NULL AND d.subject_id IN (
          SELECT id FROM event WHERE verification_id IS NULL AND message_id IN (${idsOf(about.messages)})
          UNION ALL SELECT id FROM event WHERE verification_id IN (${idsOf(about.verifications)})
          UNION ALL SELECT value FROM json_each(${JSON.stringify(about.events)})))`.compile(db.kysely);
  }

  function maskMessages(which: RawBuilder<unknown>): CompiledQuery {
    return sql`UPDATE message SET to_masked = '', to_hash = '', prefix = '', country = '', metadata = NULL, sealed = NULL,
      chat_id = NULL, person_id = NULL, from_masked = NULL, person_hash = NULL
      WHERE ${which}`.compile(db.kysely);
  }
}

const sum = (results: readonly { numAffectedRows?: bigint }[]) =>
  results.reduce((all, { numAffectedRows = 0n }) => all + Number(numAffectedRows), 0);

/** In SQL until when a session's rows are erased: until its connector erased the person, or the request came. */
const cutOf = ({ sessions }: Progress, requestedAt: number, sessionId: RawBuilder<unknown>) => {
  const times = Object.fromEntries(Object.entries(sessions).map(([id, { erasedAt }]) => [id, erasedAt ?? requestedAt]));
  return sql`max(${requestedAt}, coalesce((SELECT value FROM json_each(${JSON.stringify(times)}) WHERE key = ${sessionId}), 0))`;
};

/** Some contents of what the person did with messages of others. */
function selectContents({ workspaceId, names, createdAt: requestedAt, progress }: OpenErasure) {
  return sql<Pick<EventContentTable, "eventId" | "messageId">>`SELECT event_id, message_id
    FROM event_content INDEXED BY event_content_person
    WHERE person_id IN (${idsOf(names.chatIds.map(personIdOf))}) AND workspace_id = ${workspaceId}
      AND stored_at <= ${cutOf(progress, requestedAt, sql`event_content.session_id`)} LIMIT ${chunk}`;
}

/** Some messages of the person that are no codes; `isOwn`: the API sent it, or will. */
function selectMessages(erasure: OpenErasure, hashes: RawBuilder<unknown>) {
  const { workspaceId, names, createdAt: requestedAt, progress } = erasure;
  const chats = idsOf(names.chatIds);
  const people = idsOf(names.chatIds.map(personIdOf));
  const of = sql`workspace_id = ${workspaceId}`;
  const isOwn = sql`(direction IS NULL AND origin IS NULL)`;
  const before = sql`iif(${isOwn}, created_at <= ${requestedAt} OR EXISTS (SELECT 1 FROM batch b WHERE b.id = message.batch_id
    AND b.created_at <= ${requestedAt}), created_at <= ${cutOf(progress, requestedAt, sql`message.session_id`)})`;
  const from = (index: string, which: RawBuilder<unknown>) =>
    sql`SELECT id, ${isOwn} AS is_own FROM message INDEXED BY ${sql.ref(index)} WHERE ${which} AND ${of} AND ${before}`;
  return sql<{ id: string; isOwn: 0 | 1 }>`${sql.join(
    [
      from("message_text_to", sql`to_hash IN (${hashes}) AND verification_id IS NULL`),
      from("message_person", sql`person_hash IN (${hashes})`),
      from("message_chat", sql`chat_id IN (${chats})`),
      from("message_author", sql`person_id IN (${people})`),
    ],
    sql` UNION `,
  )} LIMIT ${chunk}`;
}
