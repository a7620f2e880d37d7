import { utf8 } from "@sandi/crypto";
import { type CompiledQuery, sql } from "kysely";
import type { Db } from "../db/schema.ts";
import type { ErasureTable } from "../db/tables/erasures.ts";
import type { Services } from "../services.ts";
import type { Names } from "./person.ts";

/** What one session's connector has erased so far. */
export interface SessionProgress {
  /** How many names of the person it was asked with, when it had finished; null: it has not finished. */
  names: number | null;
  erasedAt: number | null;
  /** Its connector has not answered since then. */
  silentSince: number | null;
  messages: number;
  marks: number;
  sends: number;
  numbers: number;
}

/** How far an erasure is: rows first, then each session's connector, then rows that were stored meanwhile. */
export interface Progress {
  stage: "rows" | "connectors" | "rest";
  deleted: number;
  masked: number;
  canceled: number;
  verifications: number;
  batchRecipients: number;
  files: number;
  storedAnswers: number;
  contacts: number;
  sessions: Record<string, SessionProgress>;
}

export const noProgress: Progress = {
  stage: "rows",
  deleted: 0,
  masked: 0,
  canceled: 0,
  verifications: 0,
  batchRecipients: 0,
  files: 0,
  storedAnswers: 0,
  contacts: 0,
  sessions: {},
};

/** An erasure that is being worked at. */
export interface OpenErasure extends Pick<ErasureTable, "id" | "workspaceId" | "createdAt"> {
  leasedUntil: number;
  names: Names;
  progress: Progress;
}

/** How long one worker holds the lease of an erasure. */
const leaseMs = 60_000;

const placeOf = (id: string) => ({ table: "erasure", column: "sealed", id });

export const sealNames = ({ atRest }: Services, workspaceId: string, { id, names }: { id: string; names: Names }) =>
  atRest(workspaceId).seal(utf8(JSON.stringify(names)), placeOf(id));

/** Takes an erasure that is due; undefined if it is not. */
export async function takeErasure(services: Services, id: string, at: number): Promise<OpenErasure | undefined> {
  const { db, atRest } = services;
  const { rows } = await db.kysely.executeQuery(
    sql<
      Pick<ErasureTable, "workspaceId" | "createdAt" | "sealed" | "progress">
    >`UPDATE erasure SET due_at = ${at + leaseMs}
      WHERE id = ${id} AND due_at <= ${at} RETURNING workspace_id, created_at, sealed, progress`.compile(db.kysely),
  );
  const [row] = rows;
  if (!row) return undefined;
  const { workspaceId, createdAt, sealed, progress } = row;
  const opened = await atRest(workspaceId).open(sealed ?? "", placeOf(id));
  const names = JSON.parse(new TextDecoder().decode(opened)) as Names;
  return { id, workspaceId, createdAt, names, progress: JSON.parse(progress) as Progress, leasedUntil: at + leaseMs };
}

/** Stores how far it is, and when it needs work next, unless somebody else has it. */
export async function returnErasure(services: Services, erasure: OpenErasure, dueAt: number): Promise<void> {
  const { db, now } = services;
  const { id, workspaceId, names, progress, leasedUntil } = erasure;
  const sealed = await sealNames(services, workspaceId, { id, names });
  await db.kysely.executeQuery(
    sql`UPDATE erasure SET progress = ${JSON.stringify(progress)}, sealed = ${sealed}, due_at = ${dueAt},
      updated_at = ${now().getTime()} WHERE id = ${id} AND due_at = ${leasedUntil}`.compile(db.kysely),
  );
}

/** Ends it. Its row keeps the counts, and nothing that names the person. */
export const finishErasure = (
  db: Db,
  { id, progress, leasedUntil }: OpenErasure,
  { state, at }: { state: "finished" | "incomplete"; at: number },
): CompiledQuery =>
  sql`UPDATE erasure SET state = ${state}, progress = ${JSON.stringify(progress)}, person = NULL, sealed = NULL, due_at = NULL,
    updated_at = ${at}, finished_at = ${at} WHERE id = ${id} AND due_at = ${leasedUntil}`.compile(db.kysely);
