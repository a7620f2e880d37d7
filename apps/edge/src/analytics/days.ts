import { type RawBuilder, sql } from "kysely";
import { dayMs, hourMs, type Range } from "./range.ts";
import { days, hours, monthMs } from "./roll-up.ts";

export const dayOf = (at: number) => Math.floor(at / dayMs) * dayMs;

const monthOf = (day: number) => Math.floor(day / monthMs);

/** The days that have hours of the range. */
export function daysIn({ from, to }: Range): number[] {
  const first = dayOf(from);
  return Array.from({ length: Math.ceil((to - first) / dayMs) }, (_, i) => first + i * dayMs);
}

/** In SQL the counts of a day's row that lie in the range. */
export function countWithin({ from, to }: Range): RawBuilder<number> {
  const edges = [...new Set([dayOf(from), dayOf(to - 1)])].map(
    (day) => sql`WHEN ${day} THEN ${hoursOfDay(day, { from, to })}`,
  );
  return sql<number>`CASE day ${sql.join(edges, sql` `)} ELSE count END`;
}

/** In SQL the counts of this day's row that lie in the range. */
function hoursOfDay(day: number, { from, to }: Range): RawBuilder<number> {
  const within = hours.filter((_, hour) => day + hour * hourMs >= from && day + hour * hourMs < to);
  return sql.raw(sumOf(within, hours));
}

const isWhole =
  ({ from, to }: Range) =>
  (day: number) =>
    day >= from && day + dayMs <= to;

/** The days that lie in the range with all their hours, by month. */
export const wholeDays = (range: Range) => Map.groupBy(daysIn(range).filter(isWhole(range)), monthOf);

/** The days that lie in the range with some of their hours: two at most. */
export const edgeDays = (range: Range) => daysIn(range).filter((day) => !isWhole(range)(day));

/** The hours of the range that do not belong to whole days. */
export function edgesOf({ from, to }: Range): Range[] {
  const [first, last] = [Math.ceil(from / dayMs) * dayMs, Math.floor(to / dayMs) * dayMs];
  if (first >= last) return [{ from, to }];
  return [
    { from, to: first },
    { from: last, to },
  ].filter((each) => each.from < each.to);
}

export const daysByMonth = (range: Range) => Map.groupBy(daysIn(range), monthOf);

export const monthsOf = (range: Range) => [...daysByMonth(range).keys()];

/** In SQL the counts of a month's row that lie in these days. */
export function countOfMonth(these: ReadonlyMap<number, readonly number[]>): RawBuilder<number> {
  const parts = [...these].filter(([, each]) => each.length < days.length);
  if (parts.length === 0) return sql.raw("count");
  const cases = parts.map(([month, each]) => `WHEN ${month} THEN ${sumOf(columnsOf(each), days)}`);
  return sql.raw(`CASE month ${cases.join(" ")} ELSE count END`);
}

/** Numbers as one part of a statement: a parameter for each takes longer. */
export const listOf = (numbers: readonly number[]) => sql.raw(numbers.join(", "));

const columnsOf = (these: readonly number[]) => these.map((day) => `d${(day % monthMs) / dayMs}`);

/** In SQL the sum of these columns, of all with the sum `count`: of few columns. */
function sumOf(these: readonly string[], all: readonly string[]): string {
  const within = new Set(these);
  const others = all.filter((each) => !within.has(each));
  return within.size > others.length ? ["count", ...others].join(" - ") : ["0", ...within].join(" + ");
}
