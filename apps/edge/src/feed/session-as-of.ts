import type { EventSession } from "@sandi/contracts";
import { masked } from "../phone.ts";
import { sessionChange } from "../sessions/history.ts";
import { type SessionRow, toSession } from "../sessions/repository.ts";
import { iso } from "../time.ts";

interface SessionFact {
  type: string;
  at: number;
  data: string;
}

const maskedOrNull = (phone: string | null) => (phone === null ? null : masked(phone));

/** The session as it was at one of its events, as far as its row and the event tell. */
export function sessionAsOf(row: SessionRow, { at, ...event }: SessionFact, seesNumbers: boolean): EventSession {
  const { score: _, ...session } = toSession(row);
  const change = sessionChange(event);
  const isStill = at >= (row.since ?? row.createdAt);
  const asOf: EventSession = { ...session, updatedAt: iso(at) };
  if (!isStill) Object.assign(asOf, { nextAttemptAt: null });
  // Before the account was linked there was another one, or none.
  if (row.linkedAt > at) Object.assign(asOf, { phone: null, lastPhone: null, linkedAt: null });
  if (change.type === "session.state") {
    const { state, reason, detail, attempts } = change;
    Object.assign(asOf, { state, reason, detail, attempts, since: isStill ? session.since : iso(at) });
  }
  if (change.type === "session.account") asOf.phone = change.isLinked ? asOf.lastPhone : null;
  if (change.type === "session.limits") asOf.limits = change.limits;
  if (change.type === "session.proxy") asOf.proxy = change.proxy;
  return seesNumbers ? asOf : { ...asOf, phone: maskedOrNull(asOf.phone), lastPhone: maskedOrNull(asOf.lastPhone) };
}
