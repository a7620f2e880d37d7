import { AppError, type PairingCode, PairingCodeRpc } from "@sandi/contracts";
import { phoneHash } from "@sandi/crypto";
import { sql } from "kysely";
import type { Context } from "../context.ts";
import type { Services } from "../services.ts";
import { commitAs } from "../writes/commit-as.ts";
import { ask } from "./connector.ts";
import { hasPairingRoom, pairingRefusal, pairingState, type PairingSubject } from "./pairing-budget.ts";
import { selectSessions, type SessionRow } from "./repository.ts";
import { notPairing } from "./not-pairing.ts";

interface Input {
  sessionId: string;
  /** The canonical number, for the budgets. */
  e164: string;
  /** The spelling of the request: WhatsApp accepts only the account's own spelling. */
  written: string;
}

/**
 * Requests a pairing code from WhatsApp, which shows a prompt on the phone of the number's owner. While the session's code
 * for this number is valid, the connector returns it again, and the budgets do not count the request.
 */
export async function createPairingCode(ctx: Context, { sessionId, e164, written }: Input): Promise<PairingCode> {
  const { services, actor } = ctx;
  const { db } = services;
  const { workspaceId, quota } = actor;
  const at = services.now().getTime();
  const [numberHash, writtenHash] = (await Promise.all(
    [e164, written].map((number) => phoneHash(services.phoneKey, "", number)),
  )) as [string, string];
  const subject: PairingSubject = { workspaceId, sessionId, numberHash, quota, at };
  const repeats = sql<number>`(SELECT count(*) FROM (SELECT written_hash, revision, created_at FROM pairing_request
      WHERE session_id = s.id ORDER BY id DESC LIMIT 1) last
    WHERE s.state = 'pairing' AND last.written_hash = ${writtenHash} AND last.revision = s.revision
      AND last.created_at >= coalesce(s.since, s.created_at))`;
  const own = sql`session s WHERE s.id = ${sessionId} AND s.workspace_id = ${workspaceId} AND s.desired <> 'deleted'`;
  const committed = await commitAs(ctx, {
    writes: {
      before: sql<{ repeats: number; state: string }>`SELECT ${repeats} AS repeats, ${pairingState(subject)} AS state
        FROM ${own}`,
      taken: sql<{
        id: number;
      }>`INSERT INTO pairing_request (workspace_id, session_id, number_hash, written_hash, revision, created_at)
        SELECT ${workspaceId}, ${sessionId}, ${numberHash}, ${writtenHash}, s.revision, ${at} FROM ${own}
          AND NOT ${repeats} AND ${hasPairingRoom(subject)} RETURNING id`,
    },
    reads: { session: selectSessions(db, workspaceId, at).where("id", "=", sessionId) },
  });
  const [session] = committed.session;
  if (!session) throw new AppError("session-not-found");
  // The database's answer was lost, so it is not known whether the budgets allow a code.
  if (!committed.written) throw new AppError("database-unavailable", { retryAfter: 1 });
  const [before] = committed.written.before.rows;
  const [taken] = committed.written.taken.rows;
  if (!taken && before?.repeats === 0) throw pairingRefusal(subject, before.state);
  return askConnector(services, { workspaceId, session, phone: written, takenId: taken?.id });
}

interface Asking {
  workspaceId: string;
  session: SessionRow;
  phone: string;
  takenId: number | undefined;
}

/** If the session is not `pairing`, WhatsApp was not asked, so the budgets get their count back. */
async function askConnector(services: Services, { workspaceId, session, phone, takenId }: Asking) {
  const { db, log } = services;
  try {
    return await ask(services, PairingCodeRpc, { sessionId: session.id, phone });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "session-not-pairing") throw error;
    if (takenId !== undefined) {
      const given = db.kysely.executeQuery(
        sql`DELETE FROM pairing_request WHERE id = ${takenId} AND workspace_id = ${workspaceId}`.compile(db.kysely),
      );
      services.waitUntil(given.catch((cause: unknown) => log("a pairing request that failed is still counted", cause)));
    }
    throw notPairing(session);
  }
}
