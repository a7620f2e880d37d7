import * as fc from "fast-check";
import { expect, it } from "vitest";
import { operationsOf } from "./fuzz/description.ts";
import { asCurl, judgeBy } from "./fuzz/judge.ts";
import { type Case, cases } from "./fuzz/requests.ts";
import { createWorld, type Exchange, exchange, learn, type World } from "./fuzz/world.ts";
import { startEdge } from "./harness.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? 20_261_121);
const numRuns = Number(process.env["FUZZ_CASES"] ?? 20_000);
/** Goes on behind a fault, and tells each kind once, with what every route answered. */
const isSurvey = process.env["FUZZ_SURVEY"] !== undefined;
const casesPerWorld = 1_000;

async function read(): Promise<object> {
  const edge = await startEdge();
  const { body } = await edge.api("GET /openapi.json", undefined, { key: null });
  edge.close();
  return body;
}

it(`${numRuns} requests of every kind are answered as documented, and with nothing of another workspace (FUZZ_SEED=${seed})`, async () => {
  const description = await read();
  const operations = operationsOf(description);
  const judge = judgeBy(operations, description);
  const tally = new Map(operations.map(({ method, path }) => [`${method} ${path}`, new Map<string, number>()]));
  const faults = new Map<string, string>();
  let world: World | undefined;
  let done = 0;
  let last = "";

  function routeOf({ method, url }: Exchange): string {
    const found = operations.find((each) => each.method === method && each.address.test(url.pathname));
    return found ? `${found.method} ${found.path}` : "elsewhere";
  }

  async function run(each: Case): Promise<void> {
    if (!world || done % casesPerWorld === 0) {
      world?.edge.close();
      world = await createWorld(operations, description, seed + done);
    }
    done++;
    const sent = await exchange(world, each);
    const route = routeOf(sent);
    const outcome = `${sent.status} ${/"code":"([a-z-]+)"/.exec(sent.text)?.[1] ?? ""}`;
    tally.get(route)?.set(outcome, (tally.get(route)?.get(outcome) ?? 0) + 1);
    const fault = judge(sent, world);
    if (fault === undefined) {
      if (sent.side && sent.status < 300) learn(world, sent.side, sent.text);
      return;
    }
    last = `${fault}\n${asCurl(sent)}\n${sent.status} ${sent.text.slice(0, 2_000)}\n${world.edge.logs.slice(-2).join("\n")}`;
    if (!isSurvey) throw new Error(last);
    faults.set(`${route} ${fault}`.slice(0, 160), last);
  }

  const {
    failed,
    numRuns: runs,
    numShrinks,
  } = await fc.check(fc.asyncProperty(cases(operations, description), run), {
    seed,
    numRuns,
  });
  await world?.edge.settled();
  world?.edge.close();
  if (isSurvey)
    process.stdout.write(
      `${JSON.stringify(
        [...tally].map(([route, each]) => [route, Object.fromEntries(each)]),
        null,
        1,
      )}\n`,
    );
  expect([...faults.values()].join("\n\n")).toBe("");
  expect(failed ? `case ${runs}, ${numShrinks} steps smaller: ${last}` : "").toBe("");
  if (numRuns < 20_000) return;
  const unreached = [...tally].filter(([, each]) => ![...each.keys()].some((outcome) => outcome.startsWith("2")));
  expect(unreached.map(([route]) => route)).toEqual([]);
}, 600_000);

it("sees what is wrong with an answer", async () => {
  const description = await read();
  const operations = operationsOf(description);
  const judge = judgeBy(operations, description);
  const world = await createWorld(operations, description, seed);
  const headers = {};
  const list = {
    method: "GET",
    query: "",
    headers,
    body: undefined,
    key: "A",
    mood: "answers",
    fresh: undefined,
    pauseMs: 0,
  } as const;
  const good = await exchange(world, { ...list, address: "/v1/sessions" });
  const none = await exchange(world, { ...list, address: "/v1/sessions/«their.ses.0»" });
  const theirs = world.ids.B.get("ses")?.[0] ?? "";
  expect([good, none].map((each) => judge(each, world))).toEqual([undefined, undefined]);
  const faulty: [Partial<Exchange>, string][] = [
    [{ status: 202 }, "answers 202, which is not documented"],
    [{ text: good.text.replace('"name"', '"nom"') }, "does not fit its schema"],
    [{ text: good.text.replace('"name"', '"workspaceId":"x","name"') }, "/sessions/0/workspaceId"],
    [{ text: good.text.replace('"sender', '"SQLITE_ERROR') }, "tells of its inside"],
    [{ text: good.text.replace('"sender', `"${theirs}`) }, `holds ${theirs}, which belongs to workspace B`],
    [{ answered: new Headers({ "x-request-id": good.answered.get("x-request-id") ?? "" }) }, "answers , which"],
    [{ answered: new Headers() }, "has no X-Request-Id"],
    [{ answered: new Headers([...good.answered, ["x-powered-by", "x"]]) }, "has the header x-powered-by"],
    [{ answered: new Headers([...good.answered, ["location", "/"]]) }, "has the header location"],
    [{ ...none, text: none.text.replaceAll("session-not-found", "nonsense") }, "has no known code"],
    [{ ...none, text: none.text.replaceAll("session-not-found", "message-not-found") }, "is another problem's"],
    [{ ...none, status: 500 }, "says session-not-found with 500"],
  ];
  for (const [change, fault] of faulty) expect(judge({ ...good, ...change }, world)).toContain(fault);
  await world.edge.settled();
  world.edge.close();
});
