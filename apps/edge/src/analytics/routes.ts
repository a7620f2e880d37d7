import {
  type AnalyticsGroup,
  AnalyticsSummary,
  AnalyticsSummaryQuery,
  AnalyticsTimeseries,
  AnalyticsTimeseriesQuery,
} from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { iso } from "../time.ts";
import { countsOf, figuresOf, type Tally } from "./figures.ts";
import { talliesFor } from "./without-account.ts";
import { dayMs, hourMs, rangeOf } from "./range.ts";
import { findSteps, findSummary } from "./repository.ts";
import { sweepAnalytics } from "./sweeps.ts";

const cohort =
  "A stage counts in the hour in which its verification was created, also if the stage happened later. So the counts of recent hours may still rise. Codes for numbers without a WhatsApp account end as `undeliverable` for keys with `lookup:read`. For other keys they are `sent` and then end like any code. Test keys are not counted and cannot use this route.";

export const analytics: Feature = {
  tag: { name: "Analytics", description: "How many codes arrive and are used." },
  operations: [
    operation({
      id: "getAnalyticsSummary",
      method: "get",
      path: "/v1/analytics/summary",
      scope: "analytics:read",
      live: true,
      summary: "Get an analytics summary",
      description: `Counts, rates and latencies of the verifications created in a range, all together and by country, prefix, session, template, purpose or mode. ${cohort}`,
      query: AnalyticsSummaryQuery,
      answers: ok(AnalyticsSummary, "The counts until now."),
      handle: async ({ services: { db, now }, actor: { workspaceId, scopes } }, { query }) => {
        const { groupBy, from, to, ...only } = query;
        const range = rangeOf({ from, to }, { now: now().getTime(), stepMs: hourMs });
        const { total, groups } = await findSummary(db, workspaceId, { range, only, by: groupBy });
        return {
          from: iso(range.from),
          to: iso(range.to),
          total: figuresOf(talliesFor(total, scopes)),
          groups: grouped(talliesFor(groups, scopes)),
        };
      },
    }),
    operation({
      id: "getAnalyticsTimeseries",
      method: "get",
      path: "/v1/analytics/timeseries",
      scope: "analytics:read",
      live: true,
      summary: "Get counts over time",
      description: `Counts for every hour or day of a range, with zeros for hours or days without events. ${cohort}`,
      query: AnalyticsTimeseriesQuery,
      answers: ok(AnalyticsTimeseries, "The counts until now."),
      handle: async ({ services: { db, now }, actor: { workspaceId, scopes } }, { query }) => {
        const { interval, from, to, ...only } = query;
        const stepMs = interval === "day" ? dayMs : hourMs;
        const range = rangeOf({ from, to }, { now: now().getTime(), stepMs });
        const counted = await findSteps(db, workspaceId, { range, only, stepMs });
        const steps = Map.groupBy(talliesFor(counted, scopes), ({ at }) => at);
        const points = Array.from({ length: (range.to - range.from) / stepMs }, (_, i) => {
          const at = range.from + i * stepMs;
          return { at: iso(at), counts: countsOf(steps.get(at) ?? []) };
        });
        return { from: iso(range.from), to: iso(range.to), interval, points };
      },
    }),
  ],
  sweeps: sweepAnalytics,
};

/** The rows are sorted by group, the largest first. */
function grouped(rows: readonly (Tally & { key: string })[]): AnalyticsGroup[] {
  return [...Map.groupBy(rows, ({ key }) => key)].map(([key, tallies]) => {
    const { counts, rates, latencies } = figuresOf(tallies);
    return { key: key === "" ? null : key, counts, rates, latencies };
  });
}
