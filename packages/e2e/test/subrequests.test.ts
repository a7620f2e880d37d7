import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DatabaseUse, sumOfUses } from "../src/database-use.ts";
import { type Dependency, startTestEdge, type TestEdge } from "../src/edge.ts";
import { eventually } from "../src/harness.ts";
import type { Budget } from "../src/public-calls/call.ts";
import { connectorAnswers } from "../src/public-calls/connector-answers.ts";
import { publicCalls } from "../src/public-calls/public-calls.ts";
import { operatorToken } from "../src/public-calls/workspaces.ts";

/** Shorter than the Worker waits for its database. */
const answerWithinMs = 4_000;

describe("subrequests of the Worker, counted outside of it", () => {
  let edge: TestEdge;
  const calls = publicCalls(() => edge);
  const askedBefore = (route: string) => read(calls.find((call) => call.route === route)?.asks ?? "")[0].length;
  let counted: Dependency[] = [];
  let uses: DatabaseUse[] = [];
  let stated: { before: Dependency[]; after: Dependency[] } | undefined;
  let answered = Promise.withResolvers<void>();

  beforeAll(async () => {
    edge = await startTestEdge({
      bindings: { BOOTSTRAP_TOKEN: operatorToken, ALLOW_LOCAL_TARGETS: "1" },
      connectorAnswers,
      onDatabaseUse: (use) => void uses.push(use),
      onSubrequest(dependency) {
        counted.push(dependency);
        // What the answer is stated not to wait for gets nothing until the answer is there: if it waits, it never comes.
        const isAfter = stated && count(counted, dependency) > count(stated.before, dependency);
        return isAfter ? answered.promise : undefined;
      },
    });
    // The key is warm when its use has been noted, and the session's job is with QStash.
    await eventually("the key to be warm", async () => {
      const [row] = await edge.sql<{ n: number }>("SELECT count(*) AS n FROM api_key WHERE last_used_at IS NOT NULL");
      return row?.n === 1 && count(counted, "qstash") === 1;
    });
    // And the templates are known.
    await edge.api("POST /v1/verifications", { to: "+6281355500099" });
    await eventually("the first create's job", async () => count(counted, "qstash") === 2);
  });
  afterAll(() => edge.stop());

  it.each(calls)("$route asks $asks", async ({ route, path, body, headers, asks, budget, arrange, keep }) => {
    await arrange?.();
    const [before, after] = read(asks);
    counted = [];
    uses = [];
    answered = Promise.withResolvers();
    stated = { before, after };
    const method = route.split(" ")[0] ?? "";
    const request = `${method} ${path?.() ?? route.split(" ")[1]}`;
    const late = setTimeout(answered.resolve, answerWithinMs);
    const startedAt = Date.now();
    const answer = await edge.api<never>(
      request,
      typeof body === "function" ? (body as () => object)() : body,
      typeof headers === "function" ? await headers() : headers,
    );
    const waited = Date.now() - startedAt >= answerWithinMs;
    clearTimeout(late);
    const first = [...counted];
    answered.resolve();
    expect([answer.status, answer.status < 300 ? "" : answer.body]).toEqual([answer.status, ""]);
    keep?.(answer.body);
    const all = [...stated.before, ...stated.after];
    await eventually("all subrequests", async () => counted.length >= all.length, 5_000).catch(() => undefined);
    expect({ waited, all: listed(counted) }).toEqual({ waited: false, all: listed(all) });
    for (const dependency of new Set(stated.before)) {
      expect(count(first, dependency)).toBeGreaterThanOrEqual(count(stated.before, dependency));
    }
    await eventually("the database's answers", async () => uses.length === count(all, "libsql"));
    expect(beyond(sumOfUses(uses), budget)).toEqual([]);
  });

  it("has every public route in the table", async () => {
    const { body } = await edge.api<{ paths: Record<string, Record<string, unknown>> }>("GET /openapi.json");
    const routes = Object.entries(body.paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .filter((method) => ["get", "post", "put", "patch", "delete"].includes(method))
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    const known = new Set(calls.map(({ route }) => route));
    expect(routes.filter((route) => !known.has(route))).toEqual([]);
  });

  it("creates make at most four subrequests before the answer, and checks two", () => {
    expect(askedBefore("POST /v1/verifications")).toBeLessThanOrEqual(4);
    expect(askedBefore("POST /v1/verifications/{id}/check")).toBeLessThanOrEqual(2);
  });
});

/** What costs more than the budget allows. Rows are counted where the real database server is installed. */
function beyond({ statements, sqlBytes, rowsRead, rowsWritten }: DatabaseUse, budget: Budget = [0, 0, 0, 0]): string[] {
  const used = { statements, "bytes of SQL": sqlBytes, "rows read": rowsRead, "rows written": rowsWritten };
  return Object.entries(used).flatMap(([name, value = 0], i) =>
    value > (budget[i] ?? 0) ? [`${value} ${name}, budget ${budget[i]}`] : [],
  );
}

/** Those before the answer, and those after it. */
function read(asks: string): [Dependency[], Dependency[]] {
  const [before = "", after = ""] = asks.split("|");
  return [words(before), words(after)];
}

const words = (part: string) => part.split(" ").filter(Boolean) as Dependency[];

const listed = (dependencies: Dependency[]) => dependencies.toSorted((a, b) => a.localeCompare(b));

function count(list: readonly Dependency[], dependency: Dependency): number {
  return list.filter((each) => each === dependency).length;
}
