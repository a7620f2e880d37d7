import { z } from "zod";
import { deliveryErrors } from "./alerts.ts";
import { maxAnalyticsDays } from "./analytics.ts";
import { Timestamp } from "./common.ts";
import { examples } from "./examples.ts";

export const WebhookStatsQuery = z.strictObject({
  from: Timestamp.optional().meta({
    description: "Attempts at this time or later, from the beginning of its hour (UTC). Default: 24 hours before `to`.",
  }),
  to: Timestamp.optional().meta({
    description: `Attempts before this time, to the end of its hour. Default: now. At most ${maxAnalyticsDays} days after \`from\`.`,
  }),
});

const count = (description: string) =>
  z.int().min(0).max(Number.MAX_SAFE_INTEGER).meta({ description, format: "int64" });
const milliseconds = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .meta({ format: "int32" });

const figures = {
  attempts: count("Requests to the address, tests left out."),
  delivered: count("Attempts that the address answered with 2xx."),
  successRate: z.number().min(0).max(1).nullable().meta({ description: "Delivered of attempts; null without any." }),
  errors: z.partialRecord(z.enum(deliveryErrors), count("Attempts.")).meta({
    description: "Failed attempts by what went wrong. Kinds without any are left out.",
    example: { server_error: 3, timed_out: 1 },
  }),
  latencies: z.object({ p50: milliseconds, p95: milliseconds, p99: milliseconds }).nullable().meta({
    description:
      "Milliseconds until the answer, of attempts that were delivered. The true value is at most √2 times higher or lower, because the values are counted in buckets. Null without any.",
  }),
};

export const WebhookStats = z
  .object({
    from: Timestamp.meta({ description: "The beginning of the figures, a whole hour." }),
    to: Timestamp.meta({ description: "The end of the figures, not included." }),
    total: z.object(figures),
    hours: z
      .array(z.object({ at: Timestamp.meta({ description: "The beginning of the hour." }), ...figures }))
      .max((maxAnalyticsDays + 1) * 24)
      .meta({ description: "Oldest first. Hours without attempts are left out." }),
  })
  .meta({ id: "WebhookStats", example: examples.webhookStats });
export type WebhookStats = z.infer<typeof WebhookStats>;
export type WebhookFigures = WebhookStats["total"];
