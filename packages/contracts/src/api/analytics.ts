import { z } from "zod";
import { SessionId } from "../ids.ts";
import { Timestamp } from "./common.ts";
import { Country } from "./policy.ts";
import { Purpose } from "./verifications.ts";

/** The stages of a verification. Each stage counts once per verification, except `resent`. */
export const stages = {
  created: "Verifications that were created; the base of everything else.",
  resent: "Times that a code was sent again; one verification may count several times.",
  received: "Inbound: the user's message arrived.",
  sent: "WhatsApp's server accepted the code.",
  delivered: "The phone has the code.",
  read: "The user opened the message (only if they share read receipts).",
  approved: "The right code was checked.",
  expired: "It expired.",
  canceled: "It was canceled.",
  max_attempts_reached: "Too many wrong codes were checked.",
  undeliverable: "The code could not be delivered.",
  blocked: "It was blocked.",
} as const;
export type Stage = keyof typeof stages;

/** The stages with latencies: the time since the creation. */
export const timedStages = ["sent", "delivered", "read", "approved"] as const;
export type TimedStage = (typeof timedStages)[number];

export const maxAnalyticsDays = 92;

const range = {
  from: Timestamp.optional().meta({
    description:
      "Counts verifications created at this time or later, from the beginning of its hour (UTC). Default: 24 hours before `to`.",
    example: "2026-11-20T08:00:00.000Z",
  }),
  to: Timestamp.optional().meta({
    description: `Counts verifications created before this time, to the end of its hour. Default: now. At most ${maxAnalyticsDays} days after \`from\`.`,
    example: "2026-11-21T08:00:00.000Z",
  }),
};

const filters = {
  country: Country.optional().meta({ description: "Numbers of this country only, ISO 3166-1 alpha-2.", example: "ID" }),
  prefix: z
    .string()
    .regex(/^[1-9][0-9]{0,6}$/, "must be 1 to 7 digits, without the plus")
    .optional()
    .meta({ description: "Numbers that begin with these digits: up to seven, without the plus.", example: "6281234" }),
  sessionId: SessionId.optional().meta({ description: "One session only." }),
  templateId: z
    .string()
    .max(30)
    .regex(/^(?:built-in|tpl_[0-9a-hjkmnp-tv-z]{26})$/, "must be a template's id or `built-in`")
    .optional()
    .meta({ description: "One template only; `built-in`: texts without a template.", example: "built-in" }),
  purpose: Purpose.optional().meta({ description: "One purpose only.", example: "login" }),
  mode: z.enum(["push", "inbound"]).optional().meta({ description: "One mode only.", example: "push" }),
};

export const AnalyticsGroupBy = z.enum(["country", "prefix", "session", "template", "purpose", "mode"]);
export type AnalyticsGroupBy = z.infer<typeof AnalyticsGroupBy>;

export const AnalyticsSummaryQuery = z.strictObject({
  ...range,
  ...filters,
  groupBy: AnalyticsGroupBy.optional().meta({
    description: "Adds the same figures for each group: the 100 groups with the most verifications.",
    example: "country",
  }),
});
export type AnalyticsSummaryQuery = z.infer<typeof AnalyticsSummaryQuery>;

export const AnalyticsTimeseriesQuery = z.strictObject({
  ...range,
  ...filters,
  interval: z
    .enum(["hour", "day"])
    .default("hour")
    .meta({ description: "`day`: days in UTC; the range is extended to whole days.", example: "hour" }),
});
export type AnalyticsTimeseriesQuery = z.infer<typeof AnalyticsTimeseriesQuery>;

const count = (description: string) =>
  z.int().min(0).max(Number.MAX_SAFE_INTEGER).meta({ description, example: 120, format: "int64" });

const shape = Object.fromEntries(Object.entries(stages).map(([stage, text]) => [stage, count(text)])) as Record<
  Stage,
  ReturnType<typeof count>
>;

export const AnalyticsCounts = z
  .object({
    ...shape,
    checkedElsewhere: count(
      "Created verifications whose code the caller knows: from a hook, an own `code`, or a revealed code. If the caller checks these codes itself, they end as `expired` here. `rates.conversion` does not count them.",
    ),
  })
  .meta({
    id: "AnalyticsCounts",
    description: "How many of the verifications created in the range reached each stage.",
  });
export type AnalyticsCounts = z.infer<typeof AnalyticsCounts>;

const rate = (description: string) => z.number().min(0).max(1).nullable().meta({ description, example: 0.93 });
const milliseconds = (description: string) =>
  z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .meta({ description, example: 2350, format: "int32" });

export const AnalyticsPercentiles = z
  .object({
    p50: milliseconds("Half of them took at most this time."),
    p95: milliseconds("95 of 100 took at most this time."),
    p99: milliseconds("99 of 100 took at most this time."),
  })
  .meta({
    id: "AnalyticsPercentiles",
    description:
      "Milliseconds since the verification was created. The true value is at most √2 times higher or lower, because the values are counted in buckets.",
  });
export type AnalyticsPercentiles = z.infer<typeof AnalyticsPercentiles>;

const latency = (description: string) => AnalyticsPercentiles.nullable().meta({ description });

const figures = {
  counts: AnalyticsCounts,
  rates: z
    .object({
      delivered: rate("Delivered of sent."),
      read: rate("Read of delivered."),
      conversion: rate("Approved of created, without `checkedElsewhere`."),
    })
    .meta({ description: "From 0 to 1; null where there is nothing to divide by." }),
  latencies: z
    .object({
      sent: latency("From creation to WhatsApp's server."),
      delivered: latency("From creation to the phone."),
      read: latency("From creation until it was opened."),
      approved: latency("From creation to the right code."),
    })
    .meta({ description: "Null if no verification reached the stage." }),
};

export const AnalyticsFigures = z.object(figures).meta({ id: "AnalyticsFigures" });
export type AnalyticsFigures = z.infer<typeof AnalyticsFigures>;

export const AnalyticsGroup = z
  .object({
    key: z.string().max(64).nullable().meta({
      description: "The country, prefix, session, template, purpose or mode; null: the built-in text, or not known.",
      example: "ID",
    }),
    ...figures,
  })
  .meta({ id: "AnalyticsGroup" });
export type AnalyticsGroup = z.infer<typeof AnalyticsGroup>;

const covered = {
  from: Timestamp.meta({ description: "The beginning of the figures, a whole hour." }),
  to: Timestamp.meta({ description: "The end of the figures, not included." }),
};

export const AnalyticsSummary = z
  .object({
    ...covered,
    total: AnalyticsFigures,
    groups: z
      .array(AnalyticsGroup)
      .max(100)
      .meta({ description: "The largest groups first; empty without `groupBy`." }),
  })
  .meta({ id: "AnalyticsSummary" });
export type AnalyticsSummary = z.infer<typeof AnalyticsSummary>;

export const AnalyticsPoint = z
  .object({
    at: Timestamp.meta({ description: "The beginning of the hour or day." }),
    counts: AnalyticsCounts,
  })
  .meta({ id: "AnalyticsPoint" });
export type AnalyticsPoint = z.infer<typeof AnalyticsPoint>;

export const AnalyticsTimeseries = z
  .object({
    ...covered,
    interval: z.enum(["hour", "day"]),
    points: z
      .array(AnalyticsPoint)
      .max((maxAnalyticsDays + 1) * 24)
      .meta({ description: "Every hour or day of the range, oldest first." }),
  })
  .meta({ id: "AnalyticsTimeseries" });
export type AnalyticsTimeseries = z.infer<typeof AnalyticsTimeseries>;
