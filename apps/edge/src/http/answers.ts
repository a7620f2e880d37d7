import type { z } from "zod";
import type { Found } from "../page-window.ts";

/** How an operation answers when it succeeds; `Result` is what its handler returns. */
export interface Answer<Result> {
  status: 200 | 201 | 202 | 204;
  description: string;
  /** Schemas by media type; a handler that answers anything but JSON returns a `Response`. */
  content?: Record<string, { schema: z.ZodType }>;
  /** Headers of its own that it may have, by the names of `document.ts`. */
  headers?: readonly string[];
  /** Other statuses of success, such as 206, each with what it means. Their content is the same, but for 304. */
  others?: Record<number, string>;
  /** The list reads one row more than the page has: the additional row shows that there is a next page. */
  isPage?: boolean;
  /** Makes the body; `limit` is the limit of the request. */
  render: (result: Result, limit: number) => unknown;
}

const json =
  (status: 200 | 201 | 202) =>
  <Schema extends z.ZodType>(schema: Schema, description: string): Answer<z.output<Schema>> => ({
    status,
    description,
    content: { "application/json": { schema } },
    render: (result) => result,
  });

/** 200 with a JSON body. */
export const ok = json(200);
/** 201 with the new resource. */
export const created = json(201);
/** 202: stored; the work follows. */
export const accepted = json(202);

/** 204, without a body. */
export const noContent = (description: string): Answer<void> => ({ status: 204, description, render: () => null });

type Items<List, Name extends keyof List> = List[Name] extends readonly (infer Item)[] ? Item : never;

/**
 * 200 with a page of a list. The handler gets `limit + 1` as its limit and returns that many items at most.
 * @param items the list's field in the schema
 * @param cursorOf the `cursor` value of an item; its id, if left out
 */
export const page = <Schema extends z.ZodType, Name extends keyof z.output<Schema> & string>(
  schema: Schema,
  items: Name,
  cursorOf: (item: Items<z.output<Schema>, Name>) => string = (item) => (item as { id: string }).id,
): Answer<Items<z.output<Schema>, Name>[]> => ({
  ...json(200)(schema, "A page of the list."),
  isPage: true,
  render(all, limit) {
    const shown = all.slice(0, limit);
    const last = all.length > limit ? shown.at(-1) : undefined;
    return { [items]: shown, nextCursor: last === undefined ? null : cursorOf(last) };
  },
});

/** The same for a list whose pages look at a part of the rows: a page may have fewer items than asked for, and a next page. */
export function partialPage<Schema extends z.ZodType, Name extends keyof z.output<Schema> & string>(
  schema: Schema,
  items: Name,
): Answer<Found<Items<z.output<Schema>, Name>>> {
  const whole = page(schema, items);
  return {
    ...whole,
    render({ items: found, continueAt = null }, limit) {
      const shown = whole.render(found, limit) as { nextCursor: string | null };
      return { ...shown, nextCursor: shown.nextCursor ?? continueAt };
    },
  };
}
