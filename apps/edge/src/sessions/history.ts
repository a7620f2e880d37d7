import { AppError, type SessionEvent, type SessionReason, type SessionState, sessionReasons } from "@sandi/contracts";
import type { Db } from "../db/schema.ts";
import type { EventTable } from "../db/tables/messages.ts";
import { iso } from "../time.ts";
import type { Services } from "../services.ts";
import { findSession, toLimits, toProxy } from "./repository.ts";

interface Page {
  id: string;
  limit: number;
  cursor?: string | undefined;
}

type EventRow = Pick<EventTable, "id" | "type" | "data" | "at">;

/** The events of a session, newest first. They are stored for 30 days. */
export async function historyOf({ db, now }: Services, workspaceId: string, page: Page) {
  const at = now().getTime();
  const [session, rows] = await Promise.all([
    findSession(db, workspaceId, { id: page.id, at }),
    findEvents(db, workspaceId, page),
  ]);
  if (!session) throw new AppError("session-not-found");
  return rows.map(toEvent);
}

function findEvents(db: Db, workspaceId: string, { id, limit, cursor }: Page): Promise<EventRow[]> {
  let query = db.kysely
    .selectFrom("event")
    .select(["id", "type", "data", "at"])
    .where("workspaceId", "=", workspaceId)
    .where("sessionId", "=", id)
    // The conditions of the index `event_session`.
    .where("verificationId", "is", null)
    .where("messageId", "is", null);
  if (cursor !== undefined) query = query.where("id", "<", cursor);
  return query.orderBy("id", "desc").limit(limit).execute();
}

type WithoutEnvelope<E> = E extends SessionEvent ? Omit<E, "id" | "at"> : never;
type SessionChange = WithoutEnvelope<SessionEvent>;

interface Data {
  state: SessionState;
  reason: SessionReason | null;
  attempts: number;
  newChatsLockedUntil: number | null;
  total: number | null;
  used: number | null;
  resetsAt: number | null;
  pausedUntil: number | null;
  proxy: object | null;
  isHealthy: 0 | 1 | null;
  number: string;
  isLinked: 0 | 1;
  chatId: string;
  mergedIds: string[];
}

/** What a session's event says. */
export function sessionChange({ type, data }: Pick<EventRow, "type" | "data">): SessionChange {
  const all = JSON.parse(data) as Data;
  if (type === "session.limits") {
    const { newChatsLockedUntil, total, used, resetsAt, pausedUntil } = all;
    const columns = { newChatsTotal: total, newChatsUsed: used, newChatsResetAt: resetsAt };
    return { type, limits: toLimits({ newChatsLockedUntil, pausedUntil, ...columns }) };
  }
  if (type === "session.proxy") {
    const proxy = toProxy({ proxy: all.proxy && JSON.stringify(all.proxy), proxyHealthy: all.isHealthy });
    return { type, proxy };
  }
  if (type === "session.account") return { type, number: all.number, isLinked: all.isLinked === 1 };
  if (type === "chat.merged") return { type, chatId: all.chatId, mergedIds: all.mergedIds };
  const { state, reason, attempts } = all;
  return { type: "session.state", state, reason, detail: reason && sessionReasons[reason], attempts };
}

const toEvent = ({ id, at, ...event }: EventRow): SessionEvent => ({ id, at: iso(at), ...sessionChange(event) });
