import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import {
  type AnalyticsGroup,
  AnalyticsSummary,
  AnalyticsSummaryQuery,
  AnalyticsTimeseries,
  AnalyticsTimeseriesQuery,
} from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, liveOnly } from "../http/auth.ts";
import { json, problems, security } from "../http/openapi.ts";
import { iso } from "../messages/present.ts";
import { countsOf, figuresOf, type Tally } from "./figures.ts";
import { talliesFor } from "./without-account.ts";
import { dayMs, hourMs, rangeOf } from "./range.ts";
import { selectGroups, selectSteps, selectTotals } from "./repository.ts";

const read = authenticate("analytics:read");
const shared = { tags: ["Analytics"], security };
const cohort =
  "Everything is counted in the hour in which its verification was created, however late it happened: what was created lately may still come further. Codes for numbers without a WhatsApp account are `undeliverable` for keys with `lookup:read`, once they have ended; for other keys they are `sent`, then end as any code. Test keys are not counted and cannot use this route. Scope: `analytics:read`.";

export const analytics = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/analytics/summary",
      operationId: "getAnalyticsSummary",
      summary: "How many codes arrive and are used",
      description: `Counts, rates and latencies of the verifications created in a range, all together and by country, prefix, session, template, purpose or mode. ${cohort}`,
      middleware: [read, liveOnly] as const,
      request: { query: AnalyticsSummaryQuery },
      responses: { 200: json(AnalyticsSummary, "As counted until now."), ...problems("invalid-request") },
    }),
    async (c) => {
      const { db, now } = c.env.services;
      const { workspaceId, scopes } = c.var.ctx.actor;
      const { groupBy, from, to, ...only } = c.req.valid("query");
      const range = rangeOf({ from, to }, { now: now().getTime(), stepMs: hourMs });
      const filter = { range, only };
      const totals = selectTotals(db, workspaceId, filter);
      const [total, groups] = groupBy
        ? await db.read([totals, selectGroups(db, workspaceId, { ...filter, by: groupBy })])
        : await db.read([totals]);
      return c.json(
        {
          from: iso(range.from),
          to: iso(range.to),
          total: figuresOf(talliesFor(total.rows, scopes)),
          groups: groups ? grouped(talliesFor(groups.rows, scopes)) : [],
        },
        200,
      );
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/analytics/timeseries",
      operationId: "getAnalyticsTimeseries",
      summary: "The same over time",
      description: `Counts for every hour or day of a range, with zeros where there was nothing. ${cohort}`,
      middleware: [read, liveOnly] as const,
      request: { query: AnalyticsTimeseriesQuery },
      responses: { 200: json(AnalyticsTimeseries, "As counted until now."), ...problems("invalid-request") },
    }),
    async (c) => {
      const { db, now } = c.env.services;
      const { interval, from, to, ...only } = c.req.valid("query");
      const stepMs = interval === "day" ? dayMs : hourMs;
      const range = rangeOf({ from, to }, { now: now().getTime(), stepMs });
      const { rows } = await db.kysely.executeQuery(
        selectSteps(db, c.var.ctx.actor.workspaceId, { range, only, stepMs }),
      );
      const steps = Map.groupBy(talliesFor(rows, c.var.ctx.actor.scopes), ({ at }) => at);
      const points = Array.from({ length: (range.to - range.from) / stepMs }, (_, i) => {
        const at = range.from + i * stepMs;
        return { at: iso(at), counts: countsOf(steps.get(at) ?? []) };
      });
      return c.json({ from: iso(range.from), to: iso(range.to), interval, points }, 200);
    },
  );

/** The rows come by group, the largest first. */
function grouped(rows: readonly (Tally & { key: string })[]): AnalyticsGroup[] {
  return [...Map.groupBy(rows, ({ key }) => key)].map(([key, tallies]) => {
    const { counts, rates, latencies } = figuresOf(tallies);
    return { key: key === "" ? null : key, counts, rates, latencies };
  });
}
