import type { Batch, BatchSummary, ErrorCode, MessageStatus } from "@sandi/contracts";
import { iso, isoOrNull } from "../time.ts";
import type { BatchRow, CountedRow } from "./repository.ts";

type Counted = [name: string, code: ErrorCode | null, count: number][];

export const toSummary = ({ sendAt, createdAt, endedAt, ...row }: BatchRow): BatchSummary => ({
  ...row,
  sendAt: isoOrNull(sendAt),
  createdAt: iso(createdAt),
  endedAt: isoOrNull(endedAt),
});

export function toBatch({ items, messages, ...row }: CountedRow): Batch {
  const recipients = JSON.parse(items) as Counted;
  const counts = { ...none };
  for (const [name, , count] of [...recipients, ...(JSON.parse(messages) as Counted)]) {
    // Recipients with a message are counted by its status.
    if (name !== "expanded") counts[name as keyof typeof none] += count;
  }
  const refusals = recipients.flatMap(([state, code, count]) =>
    code === null || state === "expanded" || state === "canceled" ? [] : [{ code, count, isFinal: state === "failed" }],
  );
  return { ...toSummary(row), counts, refusals };
}

const none: Record<"waiting" | Exclude<MessageStatus, "received">, number> = {
  waiting: 0,
  scheduled: 0,
  queued: 0,
  sending: 0,
  sent: 0,
  delivered: 0,
  read: 0,
  played: 0,
  failed: 0,
  canceled: 0,
  revoked: 0,
};
