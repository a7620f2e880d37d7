import type { InStatement } from "@libsql/client";
import { canonicalNumber, type SessionReason, type SessionState } from "@sandi/contracts";
import type { Services } from "../services.ts";
import type { NodeAtRest } from "@sandi/crypto/node";
import type { Fence } from "./fence.ts";
import { appendBodyStatement } from "./outbox.ts";
import { sealNumber } from "./own-number.ts";
import { sealEvent } from "./sealed-events.ts";
import { stateStatement } from "./sessions.ts";

/** What is reported of a session. */
export interface StateReport {
  state: SessionState;
  reason: SessionReason | null;
  /** E.164, as WhatsApp spells it. */
  phone: string | null;
  /** The newest revision of the desired state that was applied. */
  revision: number;
  attempts: number;
  nextAttemptAt: Date | null;
}

interface How {
  services: Pick<Services, "newId">;
  atRest: NodeAtRest;
  at: Date;
}

/** Stores the session's new state and appends its event, in one transaction. */
export async function reportStatements(
  fence: Fence,
  { nextAttemptAt, ...report }: StateReport,
  { services, atRest, at }: How,
): Promise<InStatement[]> {
  const { sessionId } = fence;
  const { state, reason, phone, revision } = report;
  const envelope = { id: services.newId("evt"), at: at.toISOString(), type: "session.state", sessionId } as const;
  const canonical = phone === null ? null : canonicalNumber(phone);
  const event = { ...envelope, ...report, phone: canonical, nextAttemptAt: nextAttemptAt?.toISOString() ?? null };
  const body = phone === null ? JSON.stringify(event) : await sealEvent(atRest, event);
  const sealedPhone = sealNumber(atRest, sessionId, phone);
  return [
    stateStatement(fence, { state, reason, sealedPhone, actedRevision: revision }, at),
    appendBodyStatement(fence, body, at),
  ];
}
