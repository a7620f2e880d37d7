type Detail = Record<string, unknown>;

/** The maximum of one entry. With the limit of changes per day it limits the size of the audit log. */
const mostBytes = 2_048;
const mostItems = 10;
const mostText = 100;

/** The detail of an entry. A detail that is too long is shortened and has `isShortened: true`. */
export function shortened(detail: Detail): Detail {
  if (sizeOf(detail) <= mostBytes) return detail;
  const brief = { ...(cut(detail) as Detail), isShortened: true };
  return sizeOf(brief) <= mostBytes ? brief : { fields: cut(namesIn(detail)), isShortened: true };
}

const sizeOf = (detail: Detail) => new TextEncoder().encode(JSON.stringify(detail)).length;

/** The names of the fields that changed, such as `policy.countries`. */
const namesIn = (detail: Detail): string[] =>
  Object.entries(detail).flatMap(([name, value]) =>
    isObject(value) ? Object.keys(value).map((inner) => `${name}.${inner}`) : [name],
  );

function cut(value: unknown): unknown {
  if (typeof value === "string") return value.length > mostText ? `${value.slice(0, mostText)}…` : value;
  if (Array.isArray(value)) return cutList(value as unknown[]);
  if (!isObject(value)) return value;
  const { from, to } = value;
  if (Array.isArray(from) && Array.isArray(to)) return changeOf(from, to);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cut(each)]));
}

/** The items that only one of two lists has. */
const changeOf = (from: unknown[], to: unknown[]) => ({
  added: cutList(to.filter((item) => !from.includes(item))),
  removed: cutList(from.filter((item) => !to.includes(item))),
});

const cutList = (list: unknown[]): unknown[] => [
  ...list.slice(0, mostItems).map(cut),
  ...(list.length > mostItems ? [`… ${list.length - mostItems} more`] : []),
];

const isObject = (value: unknown): value is Detail =>
  typeof value === "object" && value !== null && !Array.isArray(value);
