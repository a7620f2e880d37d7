import * as fc from "fast-check";
import { resolved, type Schema } from "./description.ts";

/**
 * What only a running edge knows stands in a request as a word in guillemets until it is sent: `«own.ses.3»` and
 * `«their.ver.0»` are ids, `«phone.2»` a number, `«code»` the code of the verification that the address names.
 */
const place = (kind: string) => fc.nat({ max: 7 }).map((index) => `«${kind}.${index}»`);

const phones = fc.oneof(
  { weight: 12, arbitrary: place("phone") },
  { weight: 1, arbitrary: fc.nat({ max: 9 }).map((last) => `+9990000000${last}`) },
  { weight: 1, arbitrary: fc.constantFrom("081234567890", "+1", "+999", "+6281234567890;ext=1", "00628123456789") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("\u202a+62 812\u00a03456-7890\u202c", "tel:+62812 3456 7890", "+٦٢٨١٢٣٤٥٦٧٨٩٠"),
  },
  { weight: 1, arbitrary: fc.constantFrom("+541123456789", "+5491123456789", "+5215512345678", "+551187654321") },
);

/** Values by the name of their field, where a schema alone does not lead deep. */
const known: Record<string, fc.Arbitrary<string>> = {
  code: fc.constantFrom("«code»", "«code»", " «code»-", "000000"),
  to: phones,
  phone: phones,
  number: phones,
  prefix: fc.constantFrom("6281234", "6281234", "62812"),
};

/** An id of one kind: mostly one's own, sometimes another workspace's or nobody's. */
export const idOf = (prefix: string) =>
  fc.oneof(
    { weight: 8, arbitrary: place(`own.${prefix}`) },
    { weight: 2, arbitrary: place(`their.${prefix}`) },
    { weight: 1, arbitrary: fc.constant(`${prefix}_01jd3k9v7hq2w8x5n4b6m0c1ta`) },
  );

const prefixOf = (schema: Schema) => /^\^([a-z]+)_\[/.exec(schema.pattern ?? "")?.[1];

/** A schema and where its neighbours are. */
interface Place {
  description: object;
  name?: string;
}

/** Values that fit a schema, as far as it tells. */
export function valueOf(given: Schema, { description, name = "" }: Place): fc.Arbitrary<unknown> {
  const schema = resolved(given, description);
  const type = [schema.type].flat();
  const inner = (each: Schema, itsName = name) => valueOf(each, { description, name: itsName });
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants) return fc.oneof(...variants.map((each) => inner(each)));
  if (schema.allOf) {
    return fc.tuple(...schema.allOf.map((each) => inner(each))).map((parts) => Object.assign({}, ...parts) as unknown);
  }
  const value = fitting(
    type.find((each) => each !== "null"),
    schema,
    { description, name },
    inner,
  );
  return type.includes("null") ? fc.option(value, { freq: 4 }) : value;
}

function fitting(
  type: string | undefined,
  schema: Schema,
  { name }: Place,
  inner: (schema: Schema, name?: string) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  switch (type) {
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number": {
      const { minimum = -(2 ** 40), maximum = 2 ** 40 } = schema;
      const [min, max] = [Math.max(minimum, -(2 ** 40)), Math.min(maximum, 2 ** 40)];
      return fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max, min - 1, max + 1));
    }
    case "array": {
      const { items = {}, minItems = 0, maxItems = 3 } = schema;
      return fc.array(inner(items), { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, 3)) });
    }
    case "object":
      return objectOf(schema, inner);
    case "string":
      return textOf(schema, name ?? "");
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

const few = (names: string[]) => fc.subarray(names, { maxLength: Math.min(2, names.length) });

function objectOf(schema: Schema, inner: (schema: Schema, name?: string) => fc.Arbitrary<unknown>) {
  const { properties = {}, required = [], additionalProperties } = schema;
  const fields = Object.fromEntries(Object.entries(properties).map(([key, each]) => [key, inner(each, key)]));
  const optional = Object.keys(fields).filter((key) => !required.includes(key));
  const fixed = fc
    .tuple(
      fc.record(fields, { noNullPrototype: true }),
      fc.oneof(fc.constant<string[]>([]), few(optional), fc.subarray(optional)),
    )
    .map(([all, chosen]) =>
      Object.fromEntries(Object.entries(all).filter(([key]) => required.includes(key) || chosen.includes(key))),
    );
  if (typeof additionalProperties !== "object") return fixed;
  const more = fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), inner(additionalProperties), {
    maxKeys: 3,
    noNullPrototype: true,
  });
  return fc.tuple(fixed, more).map(([all, others]) => Object.assign({}, others, all));
}

function textOf(schema: Schema, name: string): fc.Arbitrary<string> {
  const prefix = prefixOf(schema);
  if (prefix !== undefined) return idOf(prefix);
  if (known[name]) return known[name];
  const free = formed(schema);
  return typeof schema.example === "string"
    ? fc.oneof({ weight: 3, arbitrary: fc.constant(schema.example) }, { weight: 2, arbitrary: free })
    : free;
}

function formed({ pattern, format, minLength = 0, maxLength = 64 }: Schema): fc.Arbitrary<string> {
  if (format === "date-time") {
    const [min, max] = [new Date("2026-01-01"), new Date("2027-12-31")];
    return fc.date({ min, max, noInvalidDate: true }).map((date) => date.toISOString());
  }
  if (format === "uri") return fc.webUrl({ validSchemes: ["https"] });
  if (format === "email") return fc.emailAddress();
  if (format === "ipv4") return fc.ipV4();
  if (format === "ipv6") return fc.ipV6();
  if (pattern !== undefined) {
    try {
      return fc.stringMatching(new RegExp(pattern, "u")).map((text) => text.slice(0, maxLength));
    } catch {
      return fc.string();
    }
  }
  const unit = fc.constantFrom("grapheme" as const, "grapheme-ascii" as const, "binary" as const);
  const length = Math.min(maxLength, 64);
  return unit.chain((each) =>
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.string({ unit: each, size: "medium", minLength: Math.min(minLength, length), maxLength: length }),
      },
      { weight: 1, arbitrary: fc.constantFrom(maxLength, maxLength + 1).map((n) => "x".repeat(Math.min(n, 70_000))) },
    ),
  );
}

/** What no schema wants. */
export const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -0,
    -1,
    1.5,
    1e308,
    2 ** 53,
    -(2 ** 63),
    "",
    " ",
    "\u0000",
    "\ud800",
    "a\udc00",
  ),
  fc.constantFrom<unknown>([], {}, [[]], { $gt: "" }, { toString: 1 }, ["a", 1], "__proto__", "constructor"),
  fc.constantFrom(
    "{{code}}",
    "' OR '1'='1",
    "%00",
    "../../x",
    "\u202egpj",
    "\ufeff",
    "😀".repeat(200),
    "9".repeat(400),
  ),
  fc.nat({ max: 400 }).map((depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth) || "0") as unknown),
  fc.constantFrom(4_097, 66_000).map((length) => "x".repeat(length)),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.double(),
  fc.integer(),
  fc.jsonValue({ maxDepth: 2 }),
);
