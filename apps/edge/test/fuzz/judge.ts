import { errors, type Problem } from "@sandi/contracts";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { type Header, type Operation, resolved, type Schema } from "./description.ts";
import { type Exchange, other, type World } from "./world.ts";

/** What an answer must never hold: traces, SQL, names of what it is made of. */
const inside =
  /SQLITE|node_modules|ZodError|TypeError|\bat \S+ \(|\.ts:\d|\b(SELECT|INSERT INTO|UPDATE|DELETE FROM) \w/;

/** Headers that every answer has, or any server sends. */
const common = new Set([
  "cache-control",
  "content-security-policy",
  "content-type",
  "cross-origin-resource-policy",
  "referrer-policy",
  "strict-transport-security",
  "vary",
  "x-content-type-options",
]);

/** Tells what is wrong with an answer; undefined when nothing is. */
export type Judge = (exchange: Exchange, world: World) => string | undefined;

export function judgeBy(operations: readonly Operation[], description: object): Judge {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  (formats as unknown as (target: Ajv2020) => void)(ajv);
  for (const format of ["int32", "int64", "binary"]) ajv.addFormat(format, true);
  ajv.addSchema(description, "openapi.json");

  function headerFault(described: Record<string, Header>, answered: Headers): string | undefined {
    const known = new Map(Object.entries(described).map(([name, header]) => [name.toLowerCase(), header]));
    for (const [name, text] of answered) {
      const header = known.get(name);
      if (!header) {
        if (common.has(name)) continue;
        return `has the header ${name}, which is not documented`;
      }
      const { schema = {} } = resolved(header, description);
      const value = schema.type === "integer" ? Number(text) : text;
      if (!ajv.validate(schema, value)) return `the header ${name} does not fit its schema: ${text}`;
    }
    return undefined;
  }

  function bodyFault(operation: Operation, exchange: Exchange): string | undefined {
    const { status, answered, text, method } = exchange;
    const response = operation.responses[status];
    if (!response) return `answers ${status}, which is not documented`;
    const fault = headerFault(response.headers ?? {}, answered);
    if (fault !== undefined) return fault;
    const type = (answered.get("content-type") ?? "").split(";")[0] ?? "";
    const content = response.content ?? {};
    if (method === "HEAD" || Object.keys(content).length === 0)
      return text === "" ? undefined : "a body that is not documented";
    const media = content[type];
    // A file may be of any type.
    if (!media && content["*/*"]) return undefined;
    if (!media) return `answers ${type}, which is not documented for ${status}`;
    if (!type.endsWith("json") || !media.schema) return undefined;
    const body = JSON.parse(text) as unknown;
    const pointer = [
      "paths",
      operation.path,
      operation.method.toLowerCase(),
      "responses",
      String(status),
      "content",
      type,
    ]
      .map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1"))
      .join("/");
    const $ref = `openapi.json#/${encodeURI(pointer)}/schema`;
    const validate = ajv.getSchema($ref) ?? ajv.compile({ $ref });
    if (!validate(body)) return `the body does not fit its schema: ${ajv.errorsText(validate.errors)}`;
    const stray = undescribed(body, [media.schema], description);
    if (stray !== undefined) return `the body has ${stray}, which is not described`;
    const { code } = body as Partial<Problem>;
    if (type === "application/problem+json" && !Object.hasOwn(media.examples ?? {}, code ?? "")) {
      return `answers ${status} ${code}, which is not documented`;
    }
    return undefined;
  }

  return (exchange, world) => {
    const { status, answered, text, method, url } = exchange;
    const path = url.pathname.replace(/(?<=.)\/+$/, "");
    const asked = method === "HEAD" ? "GET" : method;
    const matching = operations.filter((operation) => operation.method === asked && operation.address.test(path));
    const wantsPage = asked === "GET" && exchange.headers["accept"]?.includes("text/html");
    const isPage = wantsPage && status >= 400 && answered.get("content-type")?.startsWith("text/html");
    const fault =
      problemFault(exchange) ??
      leak(exchange, world) ??
      (inside.test(text) ? `tells of its inside: ${inside.exec(text)?.[0]}` : undefined);
    if (fault !== undefined) return fault;
    if (isPage) return undefined;
    if (matching.length === 0) {
      return status < 500 && status !== 200 ? undefined : `answers ${status} where there is no documented route`;
    }
    const faults = matching.map((operation) => bodyFault(operation, exchange));
    return faults.includes(undefined) ? undefined : faults[0];
  };
}

function problemFault({ status, answered, text, mood, method }: Exchange): string | undefined {
  const id = answered.get("x-request-id") ?? "";
  if (!/^req_[0-9a-hjkmnp-tv-z]{26}$/.test(id)) return "has no X-Request-Id";
  if (status === 429 && !/^\d+$/.test(answered.get("retry-after") ?? "")) return "is a 429 without Retry-After";
  if (status < 400 || method === "HEAD") return undefined;
  const type = answered.get("content-type") ?? "";
  if (type.startsWith("text/html")) return undefined;
  if (type !== "application/problem+json") return `is a ${status} of type ${type}`;
  const problem = JSON.parse(text) as Problem;
  if (!Object.hasOwn(errors, problem.code)) return `has no known code: ${problem.code}`;
  const known = errors[problem.code];
  if (known.status !== status || problem.status !== status) return `says ${problem.code} with ${status}`;
  if (problem.title !== known.title || !problem.type.endsWith(`/problems/${problem.code}`))
    return "is another problem's";
  if (problem.requestId !== id && answered.get("idempotent-replayed") !== "true") return "names another request";
  if (problem.retryAfter !== undefined && answered.get("retry-after") !== String(problem.retryAfter)) {
    return "tells another time in Retry-After";
  }
  const isExcused = /^(connector-unavailable|outcome-unknown)$/.test(problem.code) && mood !== "answers";
  return status >= 500 && !isExcused ? `is a ${status} ${problem.code}` : undefined;
}

/** Nothing of another workspace appears, but what the request itself said. */
function leak({ side, text, answered, url, body, headers }: Exchange, { marks }: World): string | undefined {
  const seen = `${text}\n${JSON.stringify([...answered])}`;
  const said = `${decodeURI(safe(url.href))}\n${typeof body === "string" ? body : ""}\n${JSON.stringify(headers)}`;
  const foreign = side === undefined ? (["A", "B"] as const) : ([other(side)] as const);
  for (const each of foreign) {
    for (const mark of marks[each]) {
      if (seen.includes(mark) && !said.includes(mark)) return `holds ${mark}, which belongs to workspace ${each}`;
    }
  }
  return undefined;
}

function safe(text: string): string {
  try {
    decodeURI(text);
    return text;
  } catch {
    return "";
  }
}

/** The first field that none of these schemas tells of. */
function undescribed(value: unknown, given: Schema[], description: object, at = ""): string | undefined {
  if (value === null || typeof value !== "object") return undefined;
  const schemas = given.flatMap((schema) => parts(schema, description));
  for (const [key, child] of Object.entries(value)) {
    const next = schemas.flatMap(({ properties, additionalProperties, items }) => {
      if (Array.isArray(value)) return items ? [items] : [];
      const described = properties && Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
      return described === true ? [{}] : described ? [described] : [];
    });
    if (next.length === 0 && schemas.some(({ properties, items }) => properties ?? items)) return `${at}/${key}`;
    const inner = undescribed(child, next, description, `${at}/${key}`);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function parts(given: Schema, description: object): Schema[] {
  const schema = resolved(given, description);
  const inner = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return [schema, ...inner.flatMap((each) => parts(each, description))];
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The request as a line for a shell. */
export function asCurl({ method, url, headers, body }: Exchange): string {
  const data = typeof body === "string" ? body : body && `<bytes ${[...body].join(" ")}>`;
  return [
    `curl -X ${method} ${quoted(url.href)}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(data === undefined ? [] : [`--data-binary ${quoted(data)}`]),
  ].join(" ");
}
