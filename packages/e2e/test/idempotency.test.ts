import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestEdge, type TestEdge } from "../src/edge.ts";
import { type Answer, eventually } from "../src/harness.ts";
import { connectorAnswers } from "../src/public-calls/connector-answers.ts";
import { publicCalls } from "../src/public-calls/public-calls.ts";
import { operatorToken } from "../src/public-calls/workspaces.ts";

/** These change nothing, whatever their method. */
const reads = [
  "POST /v1/destinations/status",
  "POST /v1/templates/preview",
  "POST /v1/messages (dryRun)",
  "POST /v1/batches (dryRun)",
  /^POST \/v1\/\S+\/search$/,
];
/** Its token works once, so a repetition is refused as it is. */
const once = "POST /v1/workspaces";
/** What they answer lapses within minutes: a repetition is answered with one that works. */
const lapsing = new Set([
  "POST /v1/sessions/{id}/qr-page",
  "POST /v1/sessions/{id}/pairing-code",
  "POST /v1/messages/{id}/media",
]);

interface Document {
  paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
}

const isRead = (route: string) => reads.some((each) => (typeof each === "string" ? each === route : each.test(route)));

describe("an Idempotency-Key", () => {
  let edge: TestEdge;
  let changing: string[] = [];
  const calls = publicCalls(() => edge);
  const auditEntries = async () => (await edge.sql<{ n: number }>("SELECT count(*) AS n FROM audit"))[0]?.n;

  beforeAll(async () => {
    edge = await startTestEdge({
      bindings: { BOOTSTRAP_TOKEN: operatorToken, ALLOW_LOCAL_TARGETS: "1" },
      connectorAnswers,
    });
    const { body } = await edge.api<Document>("GET /openapi.json");
    changing = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => ["post", "put", "patch", "delete"].includes(method))
        .map((method) => `${method.toUpperCase()} ${path}`)
        .filter((route) => !isRead(route) && route !== once),
    );
  });
  afterAll(() => edge.stop());

  it("is described for every route that changes something", async () => {
    const { body } = await edge.api<Document>("GET /openapi.json");
    const without = changing.filter((route) => {
      const [method = "", path = ""] = route.split(" ");
      return !body.paths[path]?.[method.toLowerCase()]?.parameters?.some(
        (parameter) => parameter.in === "header" && parameter.name === "idempotency-key",
      );
    });
    expect([changing.length > 30, without]).toEqual([true, []]);
    const tried = new Set(calls.map(({ route }) => route));
    expect(changing.filter((route) => !tried.has(route))).toEqual([]);
  });

  // In order: later calls use what earlier ones have made.
  it.each(calls)("$route is done once, and its answer is given again", async (call) => {
    await call.arrange?.();
    const { route, keep } = call;
    const [method = "", described = ""] = route.split(" ");
    const request = `${method} ${call.path?.() ?? described}`;
    const body = typeof call.body === "function" ? (call.body as () => object)() : call.body;
    const given = typeof call.headers === "function" ? await call.headers() : call.headers;
    const isChanging = changing.includes(`${method} ${described}`) && !isRead(route);
    const headers = isChanging ? { ...given, "idempotency-key": `of ${route}` } : given;
    const first = await edge.api<never>(request, body, headers);
    expect([first.status, first.status < 300 || first.body]).toEqual([first.status, true]);
    keep?.(first.body);
    if (!isChanging) return;

    const done = await auditEntries();
    const again = await eventually("the first answer to be kept", async () => {
      const answer = await edge.api<Record<string, unknown>>(request, body, headers);
      return answer.status === 409 ? undefined : answer;
    });
    expect([again.status, await auditEntries()]).toEqual([first.status, done]);
    const lapses = lapsing.has(route);
    expect([again.headers.get("idempotent-replayed"), lapses || withoutSignatures(again.body)]).toEqual([
      lapses ? null : "true",
      lapses || withoutSignatures(withoutSecrets(first)),
    ]);

    // A batch keeps a key for each of its items.
    const refused = [
      ...(body === undefined ? [] : [await edge.api(request, anotherThan(body), headers)]),
      ...(route.endsWith("/batch") ? [] : [await edge.api("PATCH /v1/workspace", { name: "Another" }, headers)]),
    ].map((answer) => /idempotency-key-reused/.exec(JSON.stringify(answer.body))?.[0]);
    expect(new Set(refused)).toEqual(new Set(["idempotency-key-reused"]));
    expect(await auditEntries()).toBe(done);
  });

  it("leaves no secret in the database", async () => {
    const kept = JSON.stringify(await edge.sql("SELECT * FROM idempotency"));
    expect(kept.length).toBeGreaterThan(10_000);
    expect(kept).not.toMatch(/sandi_(live|test)_|whsec_|signature=|739154|480213|password|x{35}/);
    expect(kept).not.toContain(connectorAnswers["/rpc/sessions/pairing-code"].code);
  });
});

/** Links are signed again for each answer, until a time in whole seconds. */
const withoutSignatures = (body: unknown): unknown =>
  JSON.parse(JSON.stringify(body ?? null).replaceAll(/signature=[\w.-]+/g, "signature="));

/** As a repetition is answered: what is shown once is null. */
const withoutSecrets = ({ body }: Answer<object>) =>
  body && Object.fromEntries(Object.entries(body).map(([name, value]) => [name, shownOnce.has(name) ? null : value]));
const shownOnce = new Set(["key", "secret"]);

/** A request of the same shape that asks for something else. */
function anotherThan(body: object | undefined): object | undefined {
  if (body === undefined) return undefined;
  const { name, text, to, value, url, createdBefore, verifications } = body as Record<string, unknown>;
  if (typeof name === "string") return { ...body, name: `${name}, another` };
  if (typeof text === "string") return { ...body, text: `${text}, again` };
  if (typeof to === "string") return { ...body, to: "+6281355509999" };
  if (typeof value === "string") return { ...body, value: "+6281355509999" };
  if (typeof url === "string") return { ...body, url: `${url}/another` };
  if (typeof createdBefore === "string") return { ...body, createdBefore: "2026-11-21T08:00:01.000Z" };
  if (Array.isArray(verifications)) return { verifications: [{ to: "+6281355509999" }] };
  return { ...body, graceSeconds: 5 };
}
