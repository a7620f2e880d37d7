import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createApp, type IncomingHttpHeaders, type Server } from "node:http";
import { connect, createServer, type Server as LineServer } from "node:net";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Event } from "@sandi/contracts";
import { verifyWebhook } from "@sandi/crypto";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { startTestEdge, type TestEdge } from "../src/edge.ts";
import { eventually } from "../src/harness.ts";
import { addEvents, addKeys } from "../src/streams.ts";

const main = fileURLToPath(new URL("../../listen/src/main.ts", import.meta.url));
const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

let edge: TestEdge;
const closes: (() => unknown)[] = [];
beforeAll(async () => {
  edge = await startTestEdge();
});
afterAll(() => edge.stop());
afterEach(async () => {
  for (const close of closes.splice(0).toReversed()) await close();
});

interface Run {
  child: ChildProcess;
  out: () => string;
  err: () => string;
  exited: Promise<number | null>;
}

/** The command as a process of its own. */
function listen(args: readonly string[], { url = edge.url, key = edge.apiKey, env = {} } = {}): Run {
  const child = spawn(process.execPath, [main, "--url", url, ...args], {
    env: { ...process.env, SANDI_API_KEY: key, NO_COLOR: undefined, FORCE_COLOR: undefined, ...env },
  });
  const read = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (read.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (read.err += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  closes.push(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  return { child, out: () => read.out, err: () => read.err, exited };
}

/** Until the command has its position: an event of its own is printed. */
async function begun(run: Run): Promise<void> {
  await eventually("the stream to begin", async () => {
    await addEvents(edge, 1, { type: "message.played" });
    return run.out().includes("message.played");
  });
}

const eventsOf = (run: Run) =>
  run
    .out()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Event)
    .filter(({ type }) => type !== "message.played");

const portOf = (server: Server | LineServer) => (server.address() as AddressInfo).port;

interface Call {
  headers: IncomingHttpHeaders;
  body: string;
}

/** An app that keeps what is posted to it. It answers with these statuses, then with 200. */
async function startApp(calls: Call[], { port = 0, statuses = [] as number[] } = {}): Promise<Server> {
  const app = createApp((request, response) => {
    const take = async () => {
      calls.push({ headers: request.headers, body: await text(request) });
      response.writeHead(statuses.shift() ?? 200).end("ok");
    };
    void take();
  });
  app.listen(port, "127.0.0.1");
  await once(app, "listening");
  closes.push(() => {
    app.closeAllConnections();
    app.close();
  });
  return app;
}

function isSigned({ headers, body }: Call = { headers: {}, body: "" }, by: string): Promise<boolean> {
  const sent = { get: (name: string) => String(headers[name] ?? "") };
  return verifyWebhook({ secrets: [by], headers: sent, body, now: new Date() });
}

const add = async (type: string) => (await addEvents(edge, 1, { type }))[0];

it("prints each event in one line, without colours where no terminal is", async () => {
  const run = listen(["--type", "message.*"]);
  await begun(run);
  await add("message.sent");
  await eventually("the event", async () => run.out().includes("message.sent"));
  const lines = run.out().trimEnd().split("\n");
  expect(lines.at(-1)).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}message\.sent/);
  expect(run.out() + run.err()).not.toContain("\u001b");
  expect(run.err()).toContain(`listening to ${edge.url}`);
  expect(run.out() + run.err()).not.toContain(edge.apiKey);
});

it("ends with Ctrl-C at once, without an error", async () => {
  const run = listen([]);
  await begun(run);
  run.child.kill("SIGINT");
  expect(await run.exited).toBe(0);
  expect(run.err()).not.toMatch(/error/i);
});

it("says why Sandi refuses, and ends with 1", async () => {
  const run = listen([], { key: "sandi_live_nobody" });
  expect(await run.exited).toBe(1);
  expect(run.err()).toContain("Sandi refuses: An API key is needed. This is not a Sandi API key.");
  expect(run.out()).toBe("");
});

it("posts the events one after another to an app, signed as webhooks, and goes on after a bad answer", async () => {
  const calls: Call[] = [];
  const app = await startApp(calls, { statuses: [200, 500] });
  const target = `http://127.0.0.1:${portOf(app)}/hooks`;
  const run = listen(["--json", "--type", "poll.*", "--forward-to", target, "--secret", secret]);
  const first = await eventually("the first event", async () => {
    await add("poll.vote");
    return calls[0] && (JSON.parse(calls[0].body) as Event).id;
  });
  const more = [await add("poll.vote"), await add("poll.vote"), await add("poll.vote")];
  await eventually("all events", async () => calls.some(({ headers }) => headers["webhook-id"] === more[2]));
  const printed = eventsOf(run).map(({ id }) => id);
  expect(printed[0]).toBe(first);
  expect(printed.slice(-3)).toEqual(more);
  expect(calls.map(({ headers }) => headers["webhook-id"])).toEqual(printed);
  for (const call of calls) {
    expect(await isSigned(call, secret)).toBe(true);
    expect(await isSigned({ ...call, body: `${call.body} ` }, secret)).toBe(false);
    expect((JSON.parse(call.body) as Event).id).toBe(call.headers["webhook-id"]);
  }
  const answers = [...run.err().matchAll(/→ (\d+) in \d+ ms/g)].map(([, status]) => status);
  expect(answers.slice(0, 3)).toEqual(["200", "500", "200"]);
  expect(run.err()).not.toContain(secret);
});

it("waits for an app that restarts, and goes on without one that stays away", async () => {
  const calls: Call[] = [];
  const app = await startApp(calls);
  const port = portOf(app);
  const run = listen(["--json", "--type", "verification.*", "--forward-to", `http://127.0.0.1:${port}`]);
  const arrived = (id: string | undefined) => calls.some(({ headers }) => headers["webhook-id"] === id);
  await eventually("the first event", async () => {
    await add("verification.expired");
    return calls.length > 0;
  });
  app.closeAllConnections();
  app.close();
  await once(app, "close");
  await add("verification.expired");
  await eventually("the app to be given up", async () => run.err().includes("→ ECONNREFUSED"));
  const during = await add("verification.expired");
  await startApp(calls, { port });
  await eventually("the event that waited", async () => arrived(during));
  const last = await add("verification.expired");
  await eventually("the last event", async () => arrived(last));

  // Each event has one outcome, and those that arrived are in order.
  const outcomes = await eventually("the last outcome", async () => {
    const all = [...run.err().matchAll(/→ (\S+)/g)].map(([, outcome]) => outcome);
    return all.length === eventsOf(run).length && all;
  });
  const printed = eventsOf(run).map(({ id }) => id);
  expect(calls.map(({ headers }) => headers["webhook-id"])).toEqual(printed.filter((_, i) => outcomes[i] === "200"));
  const made = /secret (whsec_\S+)/.exec(run.err())?.[1] ?? "";
  expect(await isSigned(calls.at(-1), made)).toBe(true);
});

it("misses no event and prints none twice while its connection breaks again and again", async () => {
  let cuts = 0;
  const lines = createServer((client) => {
    const line = connect(Number(new URL(edge.url).port), "127.0.0.1");
    const most = 3_000 + Math.floor(Math.random() * 30_000);
    let size = 0;
    line.on("data", (chunk: Buffer) => {
      size += chunk.length;
      client.write(chunk.subarray(0, chunk.length - Math.max(0, size - most)));
      if (size < most) return;
      cuts++;
      line.destroy();
      client.destroySoon();
    });
    client.pipe(line);
    for (const [one, other] of [
      [client, line],
      [line, client],
    ] as const) {
      one.on("error", () => undefined);
      one.on("close", () => other.destroy());
    }
  });
  lines.listen(0, "127.0.0.1");
  await once(lines, "listening");
  closes.push(() => lines.close());
  // A key of its own: the places of the other tests' streams are free a little later.
  const [key = ""] = await addKeys(edge, 1);
  const run = listen(["--json", "--type", "message.*"], { url: `http://127.0.0.1:${portOf(lines)}`, key });
  await begun(run);
  const written: string[] = [];
  for (let i = 0; i < 10; i++) {
    written.push(...(await addEvents(edge, 50)));
    await eventually("the events", async () => eventsOf(run).length >= written.length);
  }
  expect(eventsOf(run).map(({ id }) => id)).toEqual(written);
  expect(cuts).toBeGreaterThan(2);
});
