import { type Erasure, notReached } from "@sandi/contracts";
import type { ErasureTable } from "../db/tables/erasures.ts";
import { iso, isoOrNull } from "../time.ts";
import type { Progress, SessionProgress } from "./open-erasure.ts";

export type ErasureRow = Pick<ErasureTable, "id" | "state" | "progress" | "createdAt" | "finishedAt">;

/** The erasure as the API shows it. */
export function toErasure({ id, state, progress, createdAt, finishedAt }: ErasureRow): Erasure {
  const all = JSON.parse(progress) as Progress;
  const { deleted, masked, canceled, verifications, batchRecipients, files, storedAnswers, contacts } = all;
  return {
    id,
    state,
    requestedAt: iso(createdAt),
    finishedAt: isoOrNull(finishedAt),
    report: {
      messages: { deleted, masked, canceled },
      verifications,
      batchRecipients,
      files,
      storedAnswers,
      contacts,
      sessions: Object.entries(all.sessions).map(([sessionId, session]) => toSession(sessionId, session, state)),
      notReached: Object.entries(notReached).map(([what, detail]) => ({
        what: what as keyof typeof notReached,
        detail,
      })),
    },
  };
}

function toSession(sessionId: string, session: SessionProgress, ended: ErasureRow["state"]) {
  const { names, erasedAt, messages, marks, sends, numbers } = session;
  const unfinished = ended === "running" ? ("waiting" as const) : ("unreachable" as const);
  const state = names === null ? unfinished : ("erased" as const);
  return { sessionId, state, erasedAt: isoOrNull(erasedAt), messages, marks, sends, numbers };
}
