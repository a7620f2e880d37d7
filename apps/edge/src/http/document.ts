import { maxMediaBytes } from "@sandi/contracts";
import { problemExamples } from "./openapi.ts";

/** A part of the OpenAPI document. */
type Node = Record<string, unknown>;

/** No string or list can be longer, because a body has at most this many bytes. */
const largest = 65_536;

const lengths: Record<string, number> = {
  "date-time": 40,
  date: 10,
  email: 320,
  ipv4: 15,
  ipv6: 45,
  uri: 2048,
  uuid: 36,
};

const text = (description: string, example: string, more: Node = {}) => ({
  description,
  schema: { type: "string", maxLength: 1024, ...more, example },
});

const headers: Record<string, Node> = {
  "X-Request-Id": text("The id of this request. Name it when you contact us.", "req_01jd3k9v7hq2w8x5n4b6m0c1ta", {
    pattern: "^req_[0-9a-hjkmnp-tv-z]{26}$",
  }),
  RateLimit: text(
    "How much of each limit of the API key and its workspace is left. On every answer to a known key.",
    '"key";r=39;t=1, "workspace";r=199;t=1',
    {
      pattern: "^[ -~]+$",
    },
  ),
  "RateLimit-Policy": text("The limits of the API key and its workspace.", '"key";q=40;w=2, "workspace";q=200;w=2', {
    pattern: "^[ -~]+$",
  }),
  "Retry-After": {
    description: "Seconds until a retry can succeed.",
    schema: { type: "integer", minimum: 0, maximum: 86_400, example: 30 },
  },
  Location: text("The address of the new resource.", "/v1/verifications/ver_01jd3k9v7hq2w8x5n4b6m0c1ta", {
    pattern: "^/v1/[!-~]+$",
  }),
  "Content-Range": text("Which bytes of how many this is.", "bytes 0-99/48213", { pattern: "^bytes [-0-9*]+/[0-9]+$" }),
  "Content-Length": {
    description: "The number of bytes.",
    schema: { type: "integer", minimum: 0, maximum: maxMediaBytes, example: 48_213 },
  },
  "Content-Disposition": text("Browsers save the file under this name.", 'attachment; filename="invoice.pdf"', {
    pattern: "^attachment",
    maxLength: 2048,
  }),
  "Accept-Ranges": text("Ranges are possible.", "bytes", { const: "bytes", maxLength: undefined }),
  ETag: text("The SHA-256 of the file, in quotes.", `"${"0".repeat(64)}"`, { pattern: '^"[0-9a-f]{64}"$' }),
  "WWW-Authenticate": text("How to authenticate.", "Bearer", { const: "Bearer", maxLength: undefined }),
  "Preference-Applied": text("Present if the answer has waited.", "wait=10"),
  "Idempotent-Replayed": text("Present if the answer belongs to an earlier request with this key.", "true", {
    const: "true",
    maxLength: undefined,
  }),
};

/** Descriptions of parameters that are the same in all operations. */
const usual: Record<string, string> = {
  limit: "At most this many on a page.",
  cursor: "`nextCursor` of the previous page.",
};

/** Adds to the document what the generator leaves out: limits of values, and the headers that responses refer to. */
export function completed(document: object): object {
  const complete = structuredClone(document) as Document;
  for (const methods of Object.values(complete.paths)) {
    for (const { parameters = [] } of Object.values(methods)) {
      for (const parameter of parameters) parameter["description"] ??= usual[String(parameter["name"])];
    }
  }
  Object.assign(complete.components, { headers, examples: problemExamples });
  limit(complete);
  withoutUnused(complete, "schemas");
  withoutUnused(complete, "examples");
  return complete;
}

interface Document {
  paths: Record<string, Record<string, { parameters?: Node[] }>>;
  webhooks: object;
  components: Record<string, Record<string, Node>>;
}

/** Adds limits to all schemas of the document. A node with a `type` in words is a schema. */
function limit(node: unknown): void {
  if (node === null || typeof node !== "object") return;
  const schema = node as Node;
  if (Array.isArray(schema["anyOf"])) hoist(schema, schema["anyOf"] as Node[]);
  const types = new Set([schema["type"]].flat());
  if (typeof schema["pattern"] === "string") schema["pattern"] = portable(schema["pattern"]);
  // The generator's format `ip` is not a format of JSON Schema.
  if (schema["format"] === "ip") Object.assign(schema, { format: undefined, pattern: "^[0-9A-Fa-f:.]{3,45}$" });
  const isListed = schema["enum"] !== undefined || schema["const"] !== undefined;
  if (types.has("string") && !isListed) schema["maxLength"] ??= longest(schema);
  if (types.has("array")) schema["maxItems"] ??= largest;
  if (types.has("integer")) limitInteger(schema);
  for (const [key, child] of Object.entries(schema)) {
    if (!["example", "examples", "default", "enum", "const"].includes(key)) limit(child);
  }
}

/** Adds the type and length of all variants to the schema itself, because tools look for them there. */
function hoist(schema: Node, variants: readonly Node[]): void {
  if (!variants.every(({ type }) => type === "string")) return;
  for (const variant of variants) limit(variant);
  const longestOfEach = variants.map(({ maxLength, enum: values }) =>
    Math.max(Number(maxLength ?? 0), ...((values ?? []) as string[]).map(({ length }) => length)),
  );
  Object.assign(schema, { type: "string", maxLength: Math.max(...longestOfEach) });
}

function limitInteger(schema: Node): void {
  if (schema["exclusiveMinimum"] === undefined) schema["minimum"] ??= Number.MIN_SAFE_INTEGER;
  if (schema["exclusiveMaximum"] === undefined) schema["maximum"] ??= Number.MAX_SAFE_INTEGER;
  const isSmall = [schema["minimum"], schema["maximum"]].every((bound) => Math.abs(Number(bound)) < 2 ** 31);
  schema["format"] ??= isSmall ? "int32" : "int64";
}

function longest({ format, pattern }: Node): number {
  return lengths[String(format)] ?? longestOf(String(pattern)) ?? largest;
}

const classes: Record<string, string> = {
  Cc: "\\u0000-\\u001f\\u007f-\\u009f",
  Cf: "\\u00ad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb",
  Cs: "",
  Co: "\\ue000-\\uf8ff",
  Zl: "\\u2028",
  Zp: "\\u2029",
};

/** Tools read patterns without flags and so without Unicode classes. The classes are written out, for the first plane. */
const portable = (pattern: string) =>
  pattern.replace(/\/[a-z]+$/, "").replaceAll(/\\p\{(\w+)\}/g, (whole, name: string) => classes[name] ?? whole);

/** The length of the longest text that matches a pattern of characters, classes and counts. */
function longestOf(pattern: string): number | undefined {
  const inner = /^\^(.+)\$$/.exec(pattern)?.[1] ?? "*";
  const pieces =
    /(?:\[(?:\\.|[^\]\\])+\]|\\[^pPdDwWsSbBu]|\\[dDwWsS]|[^\\^$()*+|[\]{}?.])(?:\{(?:\d+,)?(\d+)\}|(\?))?/gy;
  let length = 0;
  let end = 0;
  for (const piece of inner.matchAll(pieces)) {
    length += Number(piece[1] ?? 1);
    end = piece.index + piece[0].length;
  }
  return end === inner.length ? length : undefined;
}

/** Deletes components that no route and no webhook refers to, directly or through another component. */
function withoutUnused(document: Document, kind: "schemas" | "examples"): void {
  const all = document.components[kind] ?? {};
  const used = new Set<string>();
  const open: unknown[] = [document.paths, document.webhooks];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const [, of, name = ""] of JSON.stringify(node).matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)) {
      if (of !== kind) continue;
      if (!used.has(name)) open.push(all[name]);
      used.add(name);
    }
  }
  document.components[kind] = Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name)));
}
