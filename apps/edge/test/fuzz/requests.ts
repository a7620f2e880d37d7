import * as fc from "fast-check";
import type { Operation, Parameter } from "./description.ts";
import { odd, valueOf } from "./values.ts";

/** Whose key a request carries, and what it may do. */
export const keyKinds = [
  "A",
  "A-few",
  "A-one",
  "A-none",
  "A-test",
  "B",
  "B-few",
  "B-test",
  "missing",
  "broken",
  "operator",
] as const;
export type KeyKind = (typeof keyKinds)[number];

/** How the connector behaves meanwhile. */
export const moods = ["answers", "refuses", "is silent", "talks nonsense"] as const;

/** A request before it is known which edge it is sent to. */
export interface Case {
  method: string;
  address: string;
  query: string;
  headers: Record<string, string>;
  body: string | Uint8Array<ArrayBuffer> | undefined;
  key: KeyKind;
  mood: (typeof moods)[number];
  /** What it is about is made just before, for the number with this index. */
  fresh: number | undefined;
  /** So much time passes before it. */
  pauseMs: number;
}

const weighted = <T>(...parts: [number, fc.Arbitrary<T>][]) =>
  fc.oneof(...parts.map(([weight, arbitrary]) => ({ weight, arbitrary })));

/** Requests to every route of a description: such as fit it, and such as do not. */
export function cases(operations: readonly Operation[], description: object): fc.Arbitrary<Case> {
  const each = operations.map((operation) => caseOf(operation, description));
  return fc.nat({ max: each.length - 1 }).chain((index) => each[index] as fc.Arbitrary<Case>);
}

function caseOf(operation: Operation, description: object): fc.Arbitrary<Case> {
  const among = (place: Parameter["in"]) => operation.parameters.filter((parameter) => parameter.in === place);
  return fc.record({
    method: weighted(
      [30, fc.constant(operation.method)],
      [1, fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PROPFIND")],
    ),
    address: addressOf(operation.path, among("path"), description),
    query: queryOf(among("query"), description),
    headers: fc.tuple(contentType, accept, more).map((parts) => Object.assign({}, ...parts) as Record<string, string>),
    body: bodyOf(operation, description),
    key: operation.schemes.includes("operatorToken")
      ? weighted([3, fc.constant("operator" as const)], [1, anyKey])
      : anyKey,
    mood: weighted([6, fc.constant("answers" as const)], [3, fc.constantFrom(...moods)]),
    fresh: weighted<number | undefined>([3, fc.constant(undefined)], [2, fc.nat({ max: 7 })]),
    pauseMs: weighted([40, fc.constantFrom(60, 400, 1_500)], [1, fc.constantFrom(0, 31_000, 400_000)]),
  });
}

const anyKey = weighted<KeyKind>(
  [20, fc.constant("A")],
  [6, fc.constantFrom("A-test", "B")],
  [6, fc.constantFrom(...keyKinds)],
);

const header = (name: string, value: fc.Arbitrary<string>) => value.map((text) => ({ [name]: text }));
const nothing = fc.constant({});

const contentType = weighted<object>(
  [30, fc.constant({ "content-type": "application/json" })],
  [1, nothing],
  [
    3,
    header(
      "content-type",
      fc.constantFrom(
        "application/json; charset=utf-16",
        "APPLICATION/JSON",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/json-patch+json",
        ";",
      ),
    ),
  ],
);

const accept = weighted<object>(
  [12, nothing],
  [
    3,
    header(
      "accept",
      fc.constantFrom(
        "application/json",
        "*/*",
        "image/png",
        "image/svg+xml, */*;q=0.1",
        "text/html",
        "application/json;q=0",
        "text/csv",
        ";;,",
        "",
      ),
    ),
  ],
);

const printable = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((n) => String.fromCharCode(n)) });

const more = weighted<object>(
  [12, nothing],
  [
    5,
    header(
      "idempotency-key",
      fc.nat({ max: 60 }).map((n) => `again-${n}`),
    ),
  ],
  [1, header("idempotency-key", fc.constantFrom("", "é", "x".repeat(256), "a\tb"))],
  [1, header("content-length", fc.constantFrom("999999999", "-1", "x"))],
  [1, header("x-request-id", fc.constant("req_mine"))],
  [1, header("x-forwarded-for", fc.constantFrom("10.0.0.1, 1.2.3.4", "x", "::1"))],
  [1, header("cookie", fc.constant("__Host-session=x; a"))],
  [1, header("x-odd", printable)],
);

const oddPart = weighted(
  [
    2,
    fc.constantFrom("x", "0", "null", "%00", "%ff", "%2e%2e", "..", "a%2fb", "%", "ver_", "ses_1'--", "z".repeat(3000)),
  ],
  [
    1,
    fc.string({ unit: "binary", minLength: 1, maxLength: 30 }).map((text) => encodeURIComponent(text.toWellFormed())),
  ],
);

function addressOf(path: string, parameters: Parameter[], description: object): fc.Arbitrary<string> {
  const values = parameters.map(({ name, schema }) => {
    const value = valueOf(schema, { description, name }).map(String);
    return weighted([16, value], [1, oddPart]).map((part) => [name, part] as const);
  });
  return fc
    .tuple(...values)
    .map((parts) => parts.reduce((address, [name, part]) => address.replace(`{${name}}`, () => part), path));
}

function queryOf(parameters: Parameter[], description: object): fc.Arbitrary<string> {
  const pairs = parameters.map(({ name, schema, required }) => {
    const value = valueOf(schema, { description, name }).map(String);
    const strange = fc.oneof(odd.map(written), fc.constant(""));
    const pair = weighted([8, value], [1, strange]).map((text) => `${name}=${encodeURIComponent(text.toWellFormed())}`);
    return weighted([required ? 1 : 5, fc.constant("")], [required ? 20 : 3, pair]);
  });
  const extra = weighted(
    [20, fc.constant("")],
    [1, fc.constantFrom("a=1", "%ff", "limit[]=1", "=", "limit=1&limit=2", "x=%")],
  );
  return fc.tuple(...pairs, extra).map((parts) => parts.filter((part) => part !== "").join("&"));
}

function bodyOf({ body, method }: Operation, description: object): fc.Arbitrary<Case["body"]> {
  if (method === "GET") return fc.constant(undefined);
  const { schema = {}, example } = body?.["application/json"] ?? {};
  const raw = fc.constantFrom<Case["body"]>(
    "",
    "{",
    "null",
    "[]",
    "0",
    '"x"',
    "{}",
    "\ufeff{}",
    '{"a":1,"a":2}',
    '{"a":1e999}',
    '{"__proto__":{"a":1}}',
    "[".repeat(30_000),
    `"${"x".repeat(70_000)}"`,
    new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]),
  );
  if (!body) return weighted<Case["body"]>([8, fc.constant(undefined)], [1, fc.constant("{}")], [1, raw]);
  const valid = valueOf(schema, { description });
  const fit = example === undefined ? valid : weighted([2, valid], [1, fc.constant(example)]);
  const damaged = fc.tuple(fit, fc.array(damage, { minLength: 1, maxLength: 3 })).map(([value, how]) => {
    const copy: unknown = structuredClone(value);
    return how.reduce(damagedBy, copy);
  });
  const cut = fc.tuple(fit, fc.nat()).map(([value, at]) => JSON.stringify(value).slice(0, at % 50));
  return weighted<Case["body"]>(
    [12, fit.map((value) => JSON.stringify(value))],
    [8, damaged.map((value) => JSON.stringify(value))],
    [1, cut],
    [1, raw],
  );
}

/** As a word in a query. */
const written = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

const strangeNames = [
  "admin",
  "id",
  "workspaceId",
  "status",
  "__proto__",
  "constructor",
  "",
  "a/b~c",
  "\ud800",
  "x".repeat(2000),
];

const damage = fc.record({
  how: fc.constantFrom("replace", "replace", "drop", "add"),
  at: fc.nat({ max: 30 }),
  value: odd,
  name: fc.constantFrom(...strangeNames),
});

/** The value with one of its places replaced, dropped, or given a field that nobody asked for. */
function damagedBy(
  value: unknown,
  { how, at, value: by, name }: typeof damage extends fc.Arbitrary<infer D> ? D : never,
) {
  const places: { holder: Record<string, unknown>; key: string }[] = [];
  const walk = (node: unknown) => {
    if (node === null || typeof node !== "object") return;
    for (const key of Object.keys(node)) {
      places.push({ holder: node as Record<string, unknown>, key });
      walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(value);
  const chosen = places[at % (places.length + 1)];
  if (how === "add") {
    const holder = chosen?.holder ?? value;
    if (holder !== null && typeof holder === "object") {
      Object.defineProperty(holder, name, {
        value: structuredClone(by),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return value;
  }
  if (!chosen) return how === "replace" ? structuredClone(by) : value;
  if (how === "drop") Reflect.deleteProperty(chosen.holder, chosen.key);
  else chosen.holder[chosen.key] = structuredClone(by);
  return value;
}
