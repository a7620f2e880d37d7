import { z } from "zod";
import { SessionId } from "../ids.ts";
import { Timestamp } from "./common.ts";
import { Country } from "./policy.ts";
import { Purpose } from "./verifications.ts";

/** What a verification may come to, each counted once for it. */
export const stages = {
  created: "Verifications that were created; the base of everything else.",
  resent: "Times that a code was sent again; one verification may count several times.",
  received: "Inbound: the user's message came.",
  sent: "WhatsApp's server took the code.",
  delivered: "The phone has the code.",
  read: "The user opened it (if they share read receipts).",
  approved: "The right code was given.",
  expired: "Its time was over.",
  canceled: "It was canceled.",
  max_attempts_reached: "Too many wrong codes were given.",
  undeliverable: "The code could not be delivered.",
  blocked: "It was blocked.",
} as const;
export type Stage = keyof typeof stages;

/** The stages whose time since the creation is told. */
export const timedStages = ["sent", "delivered", "read", "approved"] as const;
export type TimedStage = (typeof timedStages)[number];

export const maxAnalyticsDays = 92;

const range = {
  from: Timestamp.optional().meta({
    description:
      "Verifications created from then on, to the beginning of its hour (UTC); 24 hours before `to` if left out.",
    example: "2026-11-20T08:00:00.000Z",
  }),
  to: Timestamp.optional().meta({
    description: `And created before then, to the end of its hour; now if left out. At most ${maxAnalyticsDays} days behind \`from\`.`,
    example: "2026-11-21T08:00:00.000Z",
  }),
};

const filters = {
  country: Country.optional().meta({ description: "Numbers of this country only, ISO 3166-1 alpha-2.", example: "ID" }),
  prefix: z
    .string()
    .regex(/^[1-9][0-9]{0,6}$/, "must be 1 to 7 digits, without the plus")
    .optional()
    .meta({ description: "Numbers that begin so: up to seven digits, without the plus.", example: "6281234" }),
  sessionId: SessionId.optional().meta({ description: "One session only." }),
  templateId: z
    .string()
    .max(30)
    .regex(/^(?:built-in|tpl_[0-9a-hjkmnp-tv-z]{26})$/, "must be a template's id or `built-in`")
    .optional()
    .meta({ description: "One template only; `built-in`: none.", example: "built-in" }),
  purpose: Purpose.optional().meta({ description: "One purpose only.", example: "login" }),
  mode: z.enum(["push", "inbound"]).optional().meta({ description: "One mode only.", example: "push" }),
};

export const AnalyticsGroupBy = z.enum(["country", "prefix", "session", "template", "purpose", "mode"]);
export type AnalyticsGroupBy = z.infer<typeof AnalyticsGroupBy>;

export const AnalyticsSummaryQuery = z.strictObject({
  ...range,
  ...filters,
  groupBy: AnalyticsGroupBy.optional().meta({
    description: "The same figures for each of these, too: the 100 with the most verifications.",
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
    .meta({ description: "`day`: days of UTC; the range is widened to whole ones.", example: "hour" }),
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
      "Of the created, those whose code the caller knows (a hook's, an own `code`, a revealed one). If the caller checks them itself, they end here as `expired`: so `rates.conversion` leaves all of them out.",
    ),
  })
  .meta({ id: "AnalyticsCounts", description: "How many of the verifications created in the range came how far." });
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
    p50: milliseconds("Half of them took at most so many milliseconds."),
    p95: milliseconds("95 of 100 did."),
    p99: milliseconds("99 of 100 did."),
  })
  .meta({
    id: "AnalyticsPercentiles",
    description:
      "Milliseconds since the verification was created. They come from buckets of half an octave each: the true value is at most √2 times higher or lower.",
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
    .meta({ description: "Null where nothing came so far." }),
};

export const AnalyticsFigures = z.object(figures).meta({ id: "AnalyticsFigures" });
export type AnalyticsFigures = z.infer<typeof AnalyticsFigures>;

export const AnalyticsGroup = z
  .object({
    key: z.string().max(64).nullable().meta({
      description: "The country, prefix, session, template, purpose or mode; null: a built-in text, or not known.",
      example: "ID",
    }),
    ...figures,
  })
  .meta({ id: "AnalyticsGroup" });
export type AnalyticsGroup = z.infer<typeof AnalyticsGroup>;

const covered = {
  from: Timestamp.meta({ description: "Where the figures begin: at a whole hour." }),
  to: Timestamp.meta({ description: "Where they end; not included." }),
};

export const AnalyticsSummary = z
  .object({
    ...covered,
    total: AnalyticsFigures,
    groups: z
      .array(AnalyticsGroup)
      .max(100)
      .meta({ description: "Those with the most verifications first; empty without `groupBy`." }),
  })
  .meta({ id: "AnalyticsSummary" });
export type AnalyticsSummary = z.infer<typeof AnalyticsSummary>;

export const AnalyticsPoint = z
  .object({
    at: Timestamp.meta({ description: "Where the hour or the day begins." }),
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
      .meta({ description: "Without a gap, oldest first." }),
  })
  .meta({ id: "AnalyticsTimeseries" });
export type AnalyticsTimeseries = z.infer<typeof AnalyticsTimeseries>;
