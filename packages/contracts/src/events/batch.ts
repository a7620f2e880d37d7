import { z } from "zod";
import { Batch } from "../api/batches.ts";
import { examples } from "../api/examples.ts";
import { defineEvent } from "./define-event.ts";

const { waiting: _waiting, queued: _queued, sending: _sending, ...counts } = examples.batch.counts;
const endedAt = "2026-11-21T08:51:21.000Z";

/** What happens to a batch. */
export const batchEvents = [
  defineEvent({
    type: "batch.finished",
    data: Batch,
    change: z.object({}),
    when: "Every message of the batch was sent, has failed or was canceled.",
    follows: "`data.counts` are those of now: receipts still move messages on.",
    example: {
      at: endedAt,
      sessionId: null,
      data: {
        ...examples.batch,
        status: "finished",
        endedAt,
        counts: { ...counts, waiting: 0, queued: 0, sending: 0, delivered: 401 },
        refusals: [...examples.batch.refusals],
      },
      change: {},
    },
  }),
] as const;
