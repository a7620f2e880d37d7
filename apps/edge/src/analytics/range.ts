import { AppError, maxAnalyticsDays } from "@sandi/contracts";

export const hourMs = 3600_000;
export const dayMs = 24 * hourMs;

/** Whole hours or days; `to` is not included. */
export interface Range {
  from: number;
  to: number;
}

interface RequestedRange {
  from?: string | undefined;
  to?: string | undefined;
}

/** The requested range, extended to whole steps. Throws `invalid-request` if it is empty or too long. */
export function rangeOf({ from, to }: RequestedRange, { now, stepMs }: { now: number; stepMs: number }): Range {
  const end = to === undefined ? now : Date.parse(to);
  const start = from === undefined ? end - dayMs : Date.parse(from);
  if (start >= end)
    throw to === undefined ? refuse("from", "must lie in the past") : refuse("to", "must be after `from`");
  if (end - start > maxAnalyticsDays * dayMs) {
    throw refuse(from === undefined ? "to" : "from", `must be at most ${maxAnalyticsDays} days before \`to\``);
  }
  // A range up to now includes the current hour.
  const last = to === undefined ? end + 1 : end;
  return { from: Math.floor(start / stepMs) * stepMs, to: Math.ceil(last / stepMs) * stepMs };
}

const refuse = (field: "from" | "to", message: string) =>
  new AppError("invalid-request", { errors: [{ pointer: `query/${field}`, message }] });
