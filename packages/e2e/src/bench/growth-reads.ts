import { maxAnalyticsDays } from "@sandi/contracts";
import type { TestEdge } from "../edge.ts";

/** A list or a call of analytics. */
export interface Read {
  /** Its name in the report: ids and times are left out. */
  call: string;
  request: string;
  body?: object;
}

interface Parameter {
  name: string;
  in: string;
  schema: { enum?: string[]; example?: string };
}
type Paths = Record<string, { get?: { parameters?: Parameter[] } }>;

const dayMs = 24 * 3600_000;

/** Each list without a filter and with each value of each filter, as the API's document has them. */
export async function growthReads(edge: TestEdge): Promise<Read[]> {
  const { body } = await edge.api<{ paths: Paths }>("GET /openapi.json");
  const lists = Object.entries(body.paths).flatMap(([template, { get }]) => {
    const path = template.replace("/sessions/{id}", `/sessions/${edge.sessionId}`);
    return get && path.startsWith("/v1/") && !/[{]|\/(?:qr|qr-page|health|built-in)$/.test(path) ? [{ path, get }] : [];
  });
  const reads = lists.flatMap(({ path, get: { parameters = [] } }): Read[] => {
    const filters = parameters.filter((each) => each.in === "query" && !/^(?:limit|cursor|from|to)$/.test(each.name));
    const queries = [
      "",
      ...filters.flatMap((filter) =>
        valuesOf(filter, edge).map((value) => `${filter.name}=${encodeURIComponent(value)}`),
      ),
    ];
    const lastDay = queries.map((query) => readOf(`${path}?${query}`));
    if (!path.startsWith("/v1/analytics/")) return lastDay;
    const longer = [7, maxAnalyticsDays].flatMap((days) =>
      queries.map((query) => readOf(`${path}?from=${encodeURIComponent(ago(days))}&${query}`, ` (${days} days)`)),
    );
    return lastDay.concat(longer);
  });
  const search = "POST /v1/verifications/search";
  return [...reads, { call: search, request: search, body: { to: "+6281310000000" } }];
}

function readOf(path: string, note = ""): Read {
  const call = path.replaceAll(/from=[^&]+&|=[0-9]{4}-[^&]+|(?<=[a-z]{2,3}_)[0-9a-z]{26}/g, "").replace(/[?&]$/, "");
  return { call: `GET ${call}${note}`, request: `GET ${path}` };
}

/** A little less, because the request's clock is later. */
const ago = (days: number) => new Date(Date.now() - days * dayMs + 600_000).toISOString();

/** The values that are measured for a filter. Throws for a new filter without an example. */
function valuesOf({ name, schema }: Parameter, { sessionId, workspaceId }: TestEdge): string[] {
  if (schema.enum) return schema.enum;
  const rare: Record<string, string[]> = {
    createdAfter: [ago(1)],
    createdBefore: [ago(6)],
    purpose: ["payment", "never"],
    country: ["MY", "FR"],
    sessionId: [sessionId],
    templateId: ["built-in"],
    prefix: ["6", "62", "6281", "6281310"],
    actor: ["key_01jd3k9v7hq2w8x5n4b6m0c1ta"],
    action: ["key.created"],
    target: [workspaceId],
  };
  const values = rare[name] ?? (schema.example === undefined ? [] : [schema.example]);
  if (values.length === 0) throw new Error(`the filter ${name} needs a value in growth-reads.ts`);
  return values;
}
