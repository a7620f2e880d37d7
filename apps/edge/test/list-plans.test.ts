import type { InStatement } from "@libsql/client";
import { beforeEach, expect, it } from "vitest";
import type { Edge } from "./harness.ts";
import { liveResources, requestOf } from "./every-route.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let ids: Record<string, string>;
/** The statements of the last request. */
let asked: InStatement[] = [];

beforeEach(async () => {
  ({ ids } = await liveResources(edge));
  const { client } = edge;
  const [execute, batch] = [client.execute.bind(client), client.batch.bind(client)];
  Object.assign(client, {
    execute: (statement: InStatement) => {
      asked.push(statement);
      return execute(statement);
    },
    batch: (statements: InStatement[], mode: "read") => {
      asked.push(...statements);
      return batch(statements, mode);
    },
  });
});

interface Parameter {
  name: string;
  in: string;
  schema: { enum?: string[]; example?: string };
}

const time = "2026-11-20T08:00:00.000Z";
/** Values of filters whose schema has no example. */
const examples: Record<string, string> = {
  createdAfter: time,
  createdBefore: time,
  from: time,
  to: "2026-11-21T08:00:00.000Z",
  purpose: "login",
  type: "message.sent",
  country: "ID",
  sessionId: "ses_01jd3k9v7hq2w8x5n4b6m0c1ta",
  actor: "key_01jd3k9v7hq2w8x5n4b6m0c1ta",
  action: "key.created",
  target: "key_01jd3k9v7hq2w8x5n4b6m0c1ta",
  test: "false",
  eventId: "evt_01jd3k9v7hq2w8x5n4b6m0c1ta",
};
const asksConnector = /\/(qr|qr-page|groups|health|votes|chats|people|sessions\/[^/]+\/messages)\b/;

/** Every request that reads: each list without a filter, with each value of each filter, and with all of them. */
async function everyRead(): Promise<string[]> {
  const { body } = await edge.api<{ paths: Record<string, { get?: { parameters?: Parameter[] } }> }>(
    "GET /openapi.json",
  );
  return Object.entries(body.paths).flatMap(([template, { get }]) => {
    if (!get || !template.startsWith("/v1/") || asksConnector.test(template)) return [];
    const path = requestOf(template, ids);
    const filters = (get.parameters ?? []).filter(
      (each) => each.in === "query" && !/limit|cursor|signature/.test(each.name),
    );
    const values = filters.map(({ name, schema }): string[] => {
      const value = examples[name] ?? schema.example;
      const all = schema.enum ?? (value === undefined ? [] : [value]);
      expect(all, `${template} has a filter without an example: ${name}`).not.toEqual([]);
      return all.map((each) => `${name}=${encodeURIComponent(each)}`);
    });
    const together = values.map(([first]) => first).join("&");
    return ["", ...values.flat(), together].map((query) => `GET ${path}?${query}`);
  });
}

async function plansOf(request: string, body?: unknown): Promise<string[]> {
  asked = [];
  const { status } = await edge.api(request, body);
  await edge.settled();
  expect([request, status]).toEqual([request, 200]);
  const statements = [...asked];
  const plans = await Promise.all(
    statements.map(async (statement) => {
      const { sql, args = [] } = typeof statement === "string" ? { sql: statement } : statement;
      const { rows } = await edge.client.execute({ sql: `EXPLAIN QUERY PLAN ${sql}`, args });
      return rows.map((row) => row["detail"] as string);
    }),
  );
  return plans.flat();
}

/** What is not a table: constants, and results of the statement itself. */
const isNoTable =
  /^SCAN (CONSTANT ROW|[a-z_]+ VIRTUAL TABLE|counted|first|likely|large|largest|least_[a-z]+|added|candidate|enough_[a-z]+|each|top|ranked|conversion_waiting|conversion_by_prefix|\(subquery-[0-9]+\))/;
/**
 * Lists of which a workspace has few rows, the events of one verification or message, the recipients of one batch, and one
 * event's deliveries: they may be sorted.
 */
const isSmall =
  /^GET \/v1\/(access-rules|templates|pools|incidents|analytics|verifications\/[^?]+\/events|messages\/[^?]+\/events|batches\/|webhooks\/[^?]+\/deliveries\?.*eventId=)/;

it("no read scans a table, and no list sorts more than a workspace's few", async () => {
  const requests = await everyRead();
  expect(requests.length).toBeGreaterThan(60);
  const wrong: string[] = [];
  for (const request of requests) {
    const plans = await plansOf(request);
    wrong.push(
      ...plans
        .filter((detail) => detail.startsWith("SCAN") && !isNoTable.test(detail))
        .map((detail) => `${request}: ${detail}`),
    );
    if (!isSmall.test(request))
      wrong.push(...plans.filter((detail) => detail.includes("TEMP B-TREE")).map((detail) => `${request}: ${detail}`));
  }
  expect(wrong).toEqual([]);
});

it("the largest prefixes of a month come from an index, without a sort", async () => {
  const plans = await plansOf("GET /v1/analytics/summary?groupBy=prefix");
  const index = "SEARCH conversion_month USING COVERING INDEX conversion_month_count";
  expect(plans).toContain(`${index} (workspace_id=? AND month=?)`);
  expect(plans).toContain(`${index} (workspace_id=? AND month=? AND count>?)`);
  expect(plans[plans.indexOf(`${index} (workspace_id=? AND month=?)`) + 1]).not.toContain("TEMP B-TREE");
});
