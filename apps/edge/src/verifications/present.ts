import type { Scope, Verification } from "@sandi/contracts";
import type { MessageTable, VerificationTable } from "../db/schema.ts";
import { type DeliveryColumns, isHidden, iso, toDelivery } from "../messages/present.ts";

/** A verification with its latest message. */
export type VerificationRow = Pick<
  VerificationTable,
  | "id"
  | "status"
  | "mode"
  | "toMasked"
  | "purpose"
  | "expiresAt"
  | "attemptsLeft"
  | "sendsLeft"
  | "nextSendAt"
  | "messageId"
  | "metadata"
  | "test"
  | "lastCheck"
> & {
  sessionId: string;
  messageStatus: MessageTable["status"];
  lockedUntil: number | null;
} & Omit<DeliveryColumns, "status" | "expiresAt">;

/** Expiry is a matter of the clock; the sweep only writes it down. */
export const statusOf = ({ status, expiresAt }: VerificationRow, now: number) =>
  status === "pending" && expiresAt <= now ? ("expired" as const) : status;

interface Viewer {
  now: number;
  scopes: ReadonlySet<Scope>;
}

/** One that ended for a reason that this key must not know is pending to it until its time is over. */
function shownStatus(row: VerificationRow, { now, scopes }: Viewer) {
  const hidden = row.status === "undeliverable" && isHidden(row, scopes);
  return statusOf(hidden ? { ...row, status: "pending" } : row, now);
}

export function toVerification(
  row: VerificationRow,
  { now, scopes, created = false }: Viewer & { created?: boolean },
): Verification {
  return {
    id: row.id,
    status: shownStatus(row, { now, scopes }),
    created,
    mode: row.mode,
    to: row.toMasked,
    purpose: row.purpose,
    expiresAt: iso(row.expiresAt),
    attemptsLeft: row.attemptsLeft,
    sendsLeft: row.sendsLeft,
    resendAfter: iso(row.nextSendAt),
    delivery: {
      messageId: row.messageId,
      sessionId: row.sessionId,
      ...toDelivery({ ...row, status: row.messageStatus }, { now, scopes }),
    },
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    test: row.test === 1,
  };
}
