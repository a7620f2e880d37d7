import { AppError, ErasePersonRpc } from "@sandi/contracts";
import { sql } from "kysely";
import { idsOf } from "../jobs/append-job.ts";
import type { Services } from "../services.ts";
import { ask } from "../sessions/connector.ts";
import type { OpenErasure, SessionProgress } from "./open-erasure.ts";
import { joined } from "./person.ts";

/** So many sessions are asked in one round, all at the same time. */
const atOnce = 5;
/** More names than a person has: nothing is left to ask for. */
const everything = Number.MAX_SAFE_INTEGER;
/** A connector that was away for so long is not waited for any more. */
const longestSilenceMs = 30 * 86_400_000;

const notAsked: SessionProgress = {
  names: null,
  erasedAt: null,
  silentSince: null,
  messages: 0,
  marks: 0,
  sends: 0,
  numbers: 0,
};

/**
 * Lets the connectors of some sessions erase the person. Each answers all names that it knows, and the others are asked
 * again with them. Answers whether all have finished, and else whether one can go on now.
 */
export async function eraseAtConnectors(
  services: Services,
  erasure: OpenErasure,
): Promise<"done" | "goes_on" | "waits"> {
  const { db, now } = services;
  const { workspaceId, progress } = erasure;
  const { rows } = await db.kysely.executeQuery(
    sql<{ id: string }>`SELECT id FROM session WHERE workspace_id = ${workspaceId}`.compile(db.kysely),
  );
  const known = new Set(rows.map(({ id }) => id));
  // The connector of a deleted session has deleted everything.
  for (const id of Object.keys(progress.sessions)) {
    const session = progress.sessions[id]!;
    if (!known.has(id))
      progress.sessions[id] = { ...session, names: everything, erasedAt: session.erasedAt ?? now().getTime() };
  }
  for (const id of known) progress.sessions[id] ??= { ...notAsked };
  const open = Object.entries(progress.sessions).filter(([, session]) => !isFinished(erasure, session));
  if (open.length === 0) return "done";
  const isGivenUp = ({ silentSince }: SessionProgress) =>
    silentSince !== null && silentSince <= now().getTime() - longestSilenceMs;
  if (open.every(([, session]) => isGivenUp(session))) return "done";
  // Those that were silent come last, so that they do not keep the others waiting.
  const next = open
    .toSorted(([, one], [, other]) => (one.silentSince ?? 0) - (other.silentSince ?? 0))
    .slice(0, atOnce);
  const answers = await Promise.all(next.map(async ([id, session]) => eraseAt(services, erasure, { id, session })));
  return answers.includes(true) || open.length > next.length ? "goes_on" : "waits";
}

/** Numbers and hidden ids lead to the person in every session; chats are those of one session. */
const countOf = ({ names: { phones, lids } }: OpenErasure) => phones.length + lids.length;

const isFinished = (erasure: OpenErasure, { names }: SessionProgress) => names !== null && names >= countOf(erasure);

interface Asked {
  id: string;
  session: SessionProgress;
}

/** Answers whether its connector has answered. */
async function eraseAt(services: Services, erasure: OpenErasure, { id, session }: Asked): Promise<boolean> {
  const { db, now } = services;
  const { workspaceId, createdAt, progress } = erasure;
  const at = now().getTime();
  const { phones, lids, chatIds } = erasure.names;
  const asked = countOf(erasure);
  try {
    const requestedAt = new Date(createdAt).toISOString();
    const answer = await ask(services, ErasePersonRpc, { sessionId: id, requestedAt, phones, lids, chatIds });
    erasure.names = joined(erasure.names, answer);
    session.messages += answer.messages;
    session.marks += answer.marks;
    session.sends += answer.sends;
    session.numbers += answer.numbers;
    session.silentSince = null;
    session.erasedAt = Date.parse(answer.erasedAt);
    // What the connector added itself it has erased as well.
    if (answer.isDone) session.names = Math.max(asked, answer.phones.length + answer.lids.length);
    if (answer.mediaIds.length > 0) {
      const deleted = await db.kysely.executeQuery(
        sql`DELETE FROM media WHERE workspace_id = ${workspaceId} AND session_id = ${id}
          AND id IN (${idsOf(answer.mediaIds)})`.compile(db.kysely),
      );
      progress.files += Number(deleted.numAffectedRows ?? 0n);
    }
    return true;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // No connector stores anything of the session.
    if (error.code === "session-not-found") Object.assign(session, { names: asked, erasedAt: at });
    else session.silentSince ??= at;
    return error.code === "session-not-found";
  }
}

/** Whether every session's connector has erased the person. */
export const isComplete = ({ progress }: OpenErasure): boolean =>
  Object.values(progress.sessions).every(({ names }) => names !== null);
