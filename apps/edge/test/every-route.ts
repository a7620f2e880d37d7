import { expect } from "vitest";
import type { Edge } from "./harness.ts";
import { addMedia, pattern } from "./media-world.ts";

type Operation = { requestBody?: { content: Record<string, { example?: unknown }> } };

/** A route as openapi.json has it, and its example of a body. */
export interface Route {
  route: string;
  body: unknown;
}

/** Every route of the public API. */
export async function everyRoute(edge: Edge): Promise<Route[]> {
  const { body } = await edge.api<{ paths: Record<string, Record<string, Operation>> }>("GET /openapi.json");
  return Object.entries(body.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([method]) => ["get", "post", "put", "patch", "delete"].includes(method))
      .map(([method, { requestBody }]) => ({
        route: `${method.toUpperCase()} ${path}`,
        body: requestBody?.content["application/json"]?.example,
      })),
  );
}

export const to = "+6281234567890";

/** One live resource of each kind, with what a change of it needs. */
export async function liveResources(edge: Edge) {
  const make = async (request: string, body: unknown) => {
    const answer = await edge.api<{ id: string }>(request, body);
    expect([answer.status, request]).toEqual([answer.status < 300 ? answer.status : "2xx", request]);
    return answer.body.id;
  };
  const sender = await edge.addSession();
  const webhook = await make("POST /v1/webhooks", { url: "https://app.example.com/live", events: ["message.*"] });
  const ids = {
    webhooks: webhook,
    replays: await make(`POST /v1/webhooks/${webhook}/replay`, {
      createdAfter: "2026-11-21T05:00:00.000Z",
      createdBefore: "2026-11-21T08:00:00.000Z",
    }),
    deliveries: "dlv_01jd3k9v7hq2w8x5n4b6m0c1ta",
    sessions: await edge.addSession("pairing"),
    groups: "120363025246125486@g.us",
    pools: await make("POST /v1/pools", { name: "live pool" }),
    templates: await make("POST /v1/templates", { name: "live template", texts: { en: "{{code}}" } }),
    keys: await make("POST /v1/keys", { name: "live key", scopes: ["otp:send"] }),
    "access-rules": await make("POST /v1/access-rules", { effect: "block", kind: "country", value: "BR" }),
    "alert-channels": await make("POST /v1/alert-channels", {
      kind: "slack",
      name: "live channel",
      url: "https://hooks.example.com/services/T1/B1/x",
    }),
    supabase: await make("POST /v1/hooks/supabase", { name: "live hook" }),
    verifications: await make("POST /v1/verifications", { to }),
    messages: await make("POST /v1/messages", { to, type: "text", text: "hi" }),
    batches: await make("POST /v1/batches", { messages: [{ to, type: "text", text: "hi" }] }),
    media: (await addMedia(edge, pattern(100))).id,
    "prefix-guard": "6285599",
    people: "per_01jd3k9v7hq2w8x5n4b6m0c1ta",
    erasures: await make("DELETE /v1/people/per_01jd3k9v7hq2w8x5n4b6m0c1ta", undefined),
  };
  const at = edge.services.now().getTime();
  await edge.client.execute({
    sql: `INSERT INTO delivery (id, workspace_id, endpoint_id, subject_id, type, status, created_at)
      VALUES (?, ?, ?, 'evt_01jd3k9v7hq2w8x5n4b6m0c1ta', 'message.sent', 'delivered', ?)`,
    args: [ids.deliveries, edge.workspace.id, webhook, at],
  });
  await edge.client.execute({
    sql: "INSERT INTO prefix_guard VALUES (?, '6285599', ?, 1, 20, 0, 1)",
    args: [edge.workspace.id, at + 3600_000],
  });
  await edge.client.execute({
    sql: "UPDATE destination_budget SET failures = 3, locks = 1 WHERE workspace_id = ?",
    args: [edge.workspace.id],
  });
  await edge.settled();
  return { ids: ids as Record<string, string>, sender };
}

/** Queries without which a route refuses. */
const queries: Record<string, string> = {
  "DELETE /v1/messages/{id}": "?for=everyone",
  "DELETE /v1/webhooks/{id}/deliveries": "?createdBefore=2026-11-21T08:00:00.000Z",
};

/** A request to a route, for these resources. */
export const requestOf = (route: string, ids: Record<string, string>) =>
  `${route}${queries[route] ?? ""}`.replaceAll(
    /([a-z-]+)\/\{[a-zA-Z]+\}/g,
    (_, segment: string) => `${segment}/${ids[segment] ?? "missing"}`,
  );

/** All that is stored, but for when keys were used. */
export async function everything(edge: Edge, where = ""): Promise<Record<string, unknown[]>> {
  const tables = await edge.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
  const rows = await Promise.all(
    tables.map(async ({ name }): Promise<[string, unknown[]]> => {
      const columns = await edge.rows(`SELECT name FROM pragma_table_info('${String(name)}')`);
      const hasTest = columns.some((column) => column["name"] === "test");
      const only = where !== "" && hasTest ? ` WHERE ${where}` : "";
      const shown = columns.map((column) => String(column["name"])).filter((column) => column !== "last_used_at");
      return [String(name), await edge.rows(`SELECT ${shown.join(", ")} FROM "${String(name)}"${only}`)];
    }),
  );
  return Object.fromEntries(rows);
}
