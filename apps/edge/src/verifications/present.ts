import type { Scope, Verification } from "@sandi/contracts";
import type { MessageTable, VerificationTable } from "../db/schema.ts";
import { type DeliveryColumns, iso, toDelivery } from "../messages/present.ts";

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

export function toVerification(
  row: VerificationRow,
  { now, scopes, created = false }: { now: number; scopes: ReadonlySet<Scope>; created?: boolean },
): Verification {
  return {
    id: row.id,
    status: statusOf(row, now),
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
